/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network as a decoder needs it. Arrays are on the CPU and contiguous; their memory is read where
 * it is and must outlive the decoder.
 *
 * @param dtype the type of all arrays and of the cache
 * @param heads query heads H
 * @param groups key/value heads G
 * @param headDim size of a head D
 * @param window how many keys a token sees, itself included; 0 for all
 * @param eps added to the mean square in the norms
 * @param inverseFrequencies D/2 of them
 * @param table the embeddings (V, E)
 * @param layers the layers
 * @param norm the final norm (E)
 * @param head the output layer (V, E)
 */
// Made for one decoder and read by it alone.
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
