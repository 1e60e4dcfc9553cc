/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A weight (out, in) that is multiplied by the inputs of a few tokens, a range of outputs at a
 * time.
 */
abstract class Matrix {

    /** A range of outputs begins at a multiple of this. */
    static final int TILE = Int4.TILE;

    final int rows;
    final int columns;

    /** Keeps the memory of a quantized weight reachable; null for an unquantized one. */
    private final @Nullable QuantizedWeight weight;

    Matrix(QuantizedWeight weight) {
        this(weight.rows(), weight.columns(), weight);
    }

    Matrix(int rows, int columns) {
        this(rows, columns, null);
    }

    private Matrix(int rows, int columns, @Nullable QuantizedWeight weight) {
        this.weight = weight;
        this.rows = rows;
        this.columns = columns;
        if (columns % TILE != 0) {
            throw new UnsupportedOperationException(
                    "a matrix has " + columns + " columns, which is not a multiple of " + TILE);
        }
    }

    static Matrix of(DecoderNetwork.Matrix matrix, Dtype dtype) {
        QuantizedWeight quantized = matrix.quantized();
        return switch (quantized) {
            case Int4 int4 -> new Int4Matrix(int4);
            case Int8 int8 -> new Int8Matrix(int8);
            case BitsandbytesWeight codes -> new BitsandbytesMatrix(codes);
            case null -> new DenseMatrix(Objects.requireNonNull(matrix.dense()), dtype);
        };
    }

    /**
     * Computes a range of outputs of all tokens.
     *
     * @param input the inputs
     * @param tokens the number of tokens
     * @param from the first output, a multiple of {@link #TILE}
     * @param to the end of the range (exclusive), a multiple of {@link #TILE} or {@link #rows}
     * @param out receives output i of token t at {@code t · stride + i - shift}; may be written up
     *     to the next multiple of {@link #TILE}
     * @param stride distance between the outputs of two tokens
     * @param shift see {@code out}
     */
    abstract void multiply(
            Input input, int tokens, int from, int to, float[] out, int stride, int shift);

    /** Writes one row as float32: the embedding of a token. */
    void row(int row, float[] out, int at) {
        float[] numbers = new float[columns];
        Objects.requireNonNull(weight).dequantizeRow(row, numbers);
        System.arraycopy(numbers, 0, out, at, columns);
    }
}
