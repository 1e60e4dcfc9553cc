/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Tensor;
import java.util.List;

/**
 * The matrix of a linear layer, or an embedding table, in few bits: rows are outputs, columns
 * inputs. Immutable; any number of threads may read it.
 */
public sealed interface QuantizedWeight permits Int4, Int8, BitsandbytesWeight {

    /** Returns the number of outputs. */
    int rows();

    /** Returns the number of inputs. */
    int columns();

    /**
     * Computes the numbers that one row stands for, in float32, as the definition of the format has
     * it.
     *
     * @param row the row, from 0
     * @param to where its {@link #columns()} numbers go, from index 0
     */
    void dequantizeRow(int row, float[] to);

    /**
     * Returns the tensors the matrix is kept in.
     *
     * @return mapped or direct; they name the parts as they are stored
     */
    List<Tensor> tensors();

    /** Frees the memory of what was quantized or repacked on load, see {@link Tensor#free}. */
    default void free() {
        tensors().forEach(Tensor::free);
    }

    /** Returns how many bytes the matrix takes, scales and all. */
    default long bytes() {
        return tensors().stream().mapToLong(tensor -> tensor.data().remaining()).sum();
    }
}
