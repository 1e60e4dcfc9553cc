/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.Int4Layout;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * 4-bit group-quantized weight in this library's own layout, which is used by kernels and in files.
 * GPTQ, AWQ and GGUF's 4-bit types are converted to it without loss.
 *
 * <p>A group is 32, 64 or 128 columns of a row. With codes q from 0 to 15 a weight is
 *
 * <pre>
 * w = scale · q + offset      or, symmetric, without offsets:      w = scale · (q - 8)
 * </pre>
 *
 * computed in float32. Scales and offsets are float16 or float32; or two-level, as in GGUF's K
 * types: products in float32 of a float16 for each 256 columns and a byte for each group.
 *
 * <p>Codes are stored in tiles of 16 rows, so that each 32-bit lane of a vector register belongs to
 * one row and no horizontal sum is needed. Eight columns of a tile are 16 little-endian 32-bit
 * words, one per row. A word holds the even columns in its lower half and the odd ones in its upper
 * half, four bits each from the lowest on, so that one multiplication of 16-bit lanes serves two
 * columns.
 *
 * <pre>
 * bits      0-3  4-7  8-11  12-15   16-19  20-23  24-27  28-31
 * column     0    2     4     6       1      3      5      7
 * </pre>
 *
 * <p>Example, columns 8 to 15 of row 17 are 1, 2, 3, 4, 5, 6, 7 and 15. Row 17 is the second of the
 * second tile, columns 8 to 15 are the second 64 bytes there: the word at byte {@code 16 · columns
 * / 2 + 64 + 4} is 0xF642_7531.
 *
 * <p>Shapes, with T = rows / 16 rounded up and G = columns / group size: codes uint8 (T, columns/8,
 * 64), scales and offsets float16 or float32 (T, G, 16). Two-level scales and offsets are int8 (T,
 * columns/256, 32 + 16 n) with n = 256 / group size: of each 256 columns the float16 factors of 16
 * rows, and then, for each of the n groups, the bytes of 16 rows. Padding rows of the last tile
 * have the scale 0.
 */
public final class Int4 extends GroupedWeight {

    /** Rows of a tile. */
    public static final int TILE = 16;

    /** The zero point of symmetric weights. */
    public static final int ZERO_POINT = 8;

    private final int @Nullable [] inputOrder;

    /**
     * Creates a weight from its tensors.
     *
     * @param rows the number of outputs
     * @param codes uint8 (T, columns/8, 64)
     * @param scales float16 or float32 (T, G, 16), or two-level ones
     * @param offsets of the scales' type and shape, null for a symmetric weight
     * @param inputOrder the input that each column belongs to, null if they are in order; GPTQ with
     *     {@code desc_act} groups inputs that are not adjacent
     * @throws IllegalArgumentException if the tensors are inconsistent
     */
    public Int4(
            int rows,
            Tensor codes,
            Tensor scales,
            @Nullable Tensor offsets,
            int @Nullable [] inputOrder) {
        super("int4", rows, codes, scales, offsets, Dtype.UINT8, 8, 4 * TILE, Int4::isGroupSize);
        this.inputOrder = inputOrder == null ? null : inputOrder.clone();
    }

    /**
     * Returns whether a group size is supported.
     *
     * @param size the group size in columns
     * @return true for 32, 64 and 128
     */
    public static boolean isGroupSize(long size) {
        return size == 32 || size == 64 || size == 128;
    }

    /** Returns the input that each column belongs to; null if they are in order. */
    public int @Nullable [] inputOrder() {
        return inputOrder == null ? null : inputOrder.clone();
    }

    @Override
    int input(int column) {
        return inputOrder == null ? column : inputOrder[column];
    }

    @Override
    int code(ByteBuffer data, int row, int column) {
        int word = data.getInt(Int4Layout.wordOffset(row, columns()) + column / 8 * 4 * TILE);
        return (word >> Int4Layout.shift(column) & 15) - (offsets() == null ? ZERO_POINT : 0);
    }
}
