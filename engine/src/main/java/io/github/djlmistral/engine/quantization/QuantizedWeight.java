/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Tensor;
import java.util.List;

/**
 * The quantized weight of a linear layer (out, in) or an embedding table (vocabulary, hidden).
 * Immutable and thread-safe.
 */
public sealed interface QuantizedWeight permits GroupedWeight, BitsandbytesWeight {

    /** Returns the number of rows, the outputs of a linear layer. */
    int rows();

    /** Returns the number of columns, the inputs of a linear layer. */
    int columns();

    /**
     * Dequantizes one row to float32, as the format defines it.
     *
     * @param row the row, from 0
     * @param to receives {@link #columns()} values from index 0 on
     */
    void dequantizeRow(int row, float[] to);

    /**
     * Returns the tensors of codes, scales and offsets.
     *
     * @return the tensors, with their names in a file
     */
    List<Tensor> tensors();

    /**
     * Frees the memory of a weight that was quantized or repacked on load, see {@link Tensor#free}.
     */
    default void free() {
        tensors().forEach(Tensor::free);
    }

    /** Returns the size in bytes, scales included. */
    default long bytes() {
        return tensors().stream().mapToLong(tensor -> tensor.data().remaining()).sum();
    }
}
