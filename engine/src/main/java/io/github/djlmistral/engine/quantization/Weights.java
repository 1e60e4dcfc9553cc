/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The weights of a network under their names in a Hugging Face checkpoint, such as {@code
 * model.layers.0.self_attn.q_proj.weight}. Each weight is in exactly one of the two maps.
 *
 * <p>The code that opens or quantizes weights owns the memory allocated for them, and closes them
 * when no network created from them is in use any more. Mapped weights need not be closed.
 *
 * @param unquantized floating-point weights
 * @param quantized quantized weights
 */
public record Weights(Map<String, Tensor> unquantized, Map<String, QuantizedWeight> quantized)
        implements AutoCloseable {

    /** Copies the maps and keeps their order. */
    public Weights {
        unquantized = Collections.unmodifiableMap(new LinkedHashMap<>(unquantized));
        quantized = Collections.unmodifiableMap(new LinkedHashMap<>(quantized));
    }

    /** Returns all tensors, those of quantized weights included. */
    public Stream<Tensor> tensors() {
        return Stream.concat(
                unquantized.values().stream(),
                quantized.values().stream().flatMap(matrix -> matrix.tensors().stream()));
    }

    /**
     * Frees the memory that was allocated for the weights: for weights that were quantized,
     * repacked or reordered on load. Afterwards neither they nor a network created from them may be
     * used, see {@link Tensor#free}.
     */
    @Override
    public void close() {
        Tensor.free(tensors(), Stream.of());
    }

    /**
     * Frees the memory that is not shared with other weights, like {@link #close}.
     *
     * @param others weights that remain in use, such as the result of quantizing these
     */
    public void closeExcept(Weights others) {
        Tensor.free(tensors(), others.tensors());
    }

    /** Returns the size of the weights as they are stored, in bytes. */
    public long bytes() {
        return tensors().mapToLong(tensor -> tensor.data().remaining()).sum();
    }

    /**
     * Returns the size of the weights after loading, in bytes.
     *
     * @param dtype the data type of unquantized weights after loading
     */
    public long bytes(Dtype dtype) {
        return unquantized.values().stream().mapToLong(Tensor::elements).sum() * dtype.bytes()
                + quantized.values().stream().mapToLong(QuantizedWeight::bytes).sum();
    }
}
