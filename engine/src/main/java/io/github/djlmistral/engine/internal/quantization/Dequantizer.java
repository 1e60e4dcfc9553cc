/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;

/**
 * Dequantizes rows of quantized weights to float32 or bfloat16, for matrix products with many
 * tokens. Every prefill dequantizes every weight, so implementations should be limited by memory
 * bandwidth only.
 */
@FunctionalInterface
public interface Dequantizer {

    /**
     * Dequantizes rows. Each value is that of {@link QuantizedWeight#dequantizeRow}, rounded once
     * to the nearest, ties to even. Columns are in stored order: the caller applies {@link
     * Int4#inputOrder()}.
     *
     * <p>Thread-safe. A call may use several threads; it returns when all rows are written.
     *
     * @param weight the quantized weight
     * @param from the first row, a multiple of {@link Int4#TILE}
     * @param to the row after the last
     * @param dtype float32 or bfloat16
     * @param out a direct buffer that (to - from, columns) values are written to from its position
     *     on, row by row, in native byte order; the position does not change
     */
    void dequantize(QuantizedWeight weight, int from, int to, Dtype dtype, ByteBuffer out);

    /**
     * Returns whether dequantization is so fast that a second copy of a weight, in a layout for
     * products with few rows, is not worth its memory.
     *
     * @return false by default
     */
    default boolean fast() {
        return false;
    }
}
