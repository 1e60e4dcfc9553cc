/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.GroupedWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;

/** A weight (rows, columns) that float32 activations are multiplied by. */
public interface Matrix {

    /** Returns the number of outputs. */
    int rows();

    /** Returns the number of inputs. */
    int columns();

    /**
     * Computes x · weightᵀ. The result of a token depends on nothing but the token: the number of
     * tokens and of threads does not change a bit.
     *
     * @param team the threads
     * @param x address of the inputs, float32 (tokens, columns)
     * @param tokens the number of tokens
     * @param out address of the outputs, float32 (tokens, rows)
     */
    void multiply(ThreadTeam team, long x, int tokens, long out);

    /**
     * Prepares a quantized weight; nothing is copied.
     *
     * @param set an available instruction set
     * @param weight the weight
     * @return the weight for the kernels
     */
    static Matrix of(InstructionSet set, QuantizedWeight weight) {
        if (weight instanceof Int4 int4) {
            return new RoundedMatrix(set, int4, 4, int4.inputOrder());
        }
        if (weight instanceof Int6 int6) {
            return new RoundedMatrix(set, int6, 6, null);
        }
        if (weight instanceof Int8 int8) {
            return new Int8Matrix(set, int8);
        }
        BitsandbytesWeight codebook = (BitsandbytesWeight) weight;
        return CodebookMatrix.supports(codebook)
                ? new CodebookMatrix(set, codebook)
                : new DequantizedMatrix(set, codebook);
    }

    /** Returns the number of tiles of 16 rows. */
    static int tiles(GroupedWeight weight) {
        return (weight.rows() + Int4.TILE - 1) / Int4.TILE;
    }

    /**
     * Creates a weight of floats.
     *
     * @param set an available instruction set
     * @param address the address of the weight (rows, columns)
     * @param dtype float32, float16 or bfloat16
     * @param rows the number of outputs
     * @param columns the number of inputs
     * @return the weight for the kernels
     */
    static Matrix dense(InstructionSet set, long address, Dtype dtype, int rows, int columns) {
        return new DenseMatrix(set.index(), address, dtype, rows, columns);
    }
}
