/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;

/**
 * Writes out the numbers that rows of a quantized weight stand for, so that a matrix product of
 * plain numbers can take them. Every block of a matrix passes through here whenever many tokens
 * pass the matrix, so this is to be as fast as memory.
 */
@FunctionalInterface
public interface Dequantizer {

    /**
     * Dequantizes rows. Each number is that of {@link QuantizedWeight#dequantizeRow}, rounded once,
     * to the nearest and of two to the even one. Columns keep the order they are stored in: {@link
     * Int4#inputOrder()} is left to the caller.
     *
     * <p>Any number of threads may call this at once. A call may spread its work over threads of
     * its own, and returns when everything is written.
     *
     * @param weight the matrix
     * @param from the first row, a multiple of {@link Int4#TILE}
     * @param to the row after the last
     * @param dtype float32 or bfloat16
     * @param out direct; from its position on it takes (to - from, columns) numbers, row by row, in
     *     the machine's byte order, and keeps its position
     */
    void dequantize(QuantizedWeight weight, int from, int to, Dtype dtype, ByteBuffer out);

    /**
     * Tells whether a matrix is dequantized in so little time that it is not worth its memory to
     * keep another copy of it for products with few rows.
     *
     * @return false, unless an implementation knows better
     */
    default boolean fast() {
        return false;
    }
}
