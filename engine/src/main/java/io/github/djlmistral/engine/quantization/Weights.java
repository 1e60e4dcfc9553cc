/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The weights of a network by their names in a Hugging Face checkpoint, such as {@code
 * model.layers.0.self_attn.q_proj.weight}: each is in exactly one of the two maps.
 *
 * @param plain those of floating-point numbers
 * @param quantized matrices in few bits
 */
public record Weights(Map<String, Tensor> plain, Map<String, QuantizedWeight> quantized) {

    /** Copies the maps, in their order. */
    public Weights {
        plain = Collections.unmodifiableMap(new LinkedHashMap<>(plain));
        quantized = Collections.unmodifiableMap(new LinkedHashMap<>(quantized));
    }

    /** Returns all tensors, those that matrices are kept in as well. */
    public Stream<Tensor> tensors() {
        return Stream.concat(
                plain.values().stream(),
                quantized.values().stream().flatMap(matrix -> matrix.tensors().stream()));
    }

    /** Returns how many bytes the weights take as they are stored. */
    public long bytes() {
        return tensors().mapToLong(tensor -> tensor.data().remaining()).sum();
    }

    /**
     * Returns how many bytes the weights take when they are loaded.
     *
     * @param dtype what the plain ones are converted to
     */
    public long bytes(Dtype dtype) {
        return plain.values().stream().mapToLong(Tensor::elements).sum() * dtype.bytes()
                + quantized.values().stream().mapToLong(QuantizedWeight::bytes).sum();
    }
}
