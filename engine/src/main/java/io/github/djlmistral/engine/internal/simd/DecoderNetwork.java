/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The network of a decoder. Arrays are contiguous and on the CPU; a decoder reads their memory in
 * place, so they must outlive it.
 *
 * @param dtype data type of all arrays and of the cache
 * @param heads number of query heads H
 * @param groups number of key/value heads G
 * @param headDim width of a head D
 * @param window number of tokens that a token attends to, itself included; 0 for all
 * @param eps epsilon of the norms
 * @param inverseFrequencies the D/2 inverse frequencies of the rotary embedding
 * @param table the embedding table (V, E)
 * @param layers the layers
 * @param norm the final norm (E)
 * @param head the output layer (V, E)
 */
// Created for one decoder, which alone reads it.
@SuppressWarnings("ArrayRecordComponent")
public record DecoderNetwork(
        Dtype dtype,
        int heads,
        int groups,
        int headDim,
        int window,
        float eps,
        float[] inverseFrequencies,
        Matrix table,
        List<Layer> layers,
        NDArray norm,
        Matrix head) {

    /**
     * One layer.
     *
     * @param inputNorm (E)
     * @param query (H·D, E)
     * @param key (G·D, E)
     * @param value (G·D, E)
     * @param output (E, H·D)
     * @param postAttentionNorm (E)
     * @param gate (I, E)
     * @param up (I, E)
     * @param down (E, I)
     */
    public record Layer(
            NDArray inputNorm,
            Matrix query,
            Matrix key,
            Matrix value,
            Matrix output,
            NDArray postAttentionNorm,
            Matrix gate,
            Matrix up,
            Matrix down) {}

    /**
     * A weight (out, in), unquantized or quantized.
     *
     * @param dense the weight in the network's data type, or null
     * @param quantized the quantized weight, or null
     */
    public record Matrix(@Nullable NDArray dense, @Nullable QuantizedWeight quantized) {}
}
