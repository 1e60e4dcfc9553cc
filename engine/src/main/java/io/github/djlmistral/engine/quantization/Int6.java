/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.Int6Layout;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * 6-bit group-quantized weight in this library's own layout. GGUF's types of 5 and 6 bits are
 * converted to it without loss.
 *
 * <p>A group is 16 or 32 columns of a row. With codes q from 0 to 63 a weight is {@code w = scale ·
 * q + offset}, or, symmetric, without offsets, {@code w = scale · (q - 32)}, in float32. Scales and
 * offsets are float16 or two-level, as in {@link Int4}.
 *
 * <p>As in {@link Int4}, codes are stored in tiles of 16 rows. 16 columns of a tile are three times
 * 16 little-endian 32-bit words, one per row: the lower four bits of the first eight columns in the
 * order of {@link Int4}, those of the other eight columns, and the upper two bits of all. If the
 * lower bits of a column are bits 8i + 4j to 8i + 4j + 3 of their word, its upper bits are bits 8i
 * + 2j and 8i + 2j + 1 for the first eight columns, 8i + 2j + 4 and 8i + 2j + 5 for the others.
 *
 * <p>Example, column 11 of row 1: it is column 3 of the second eight, whose lower bits are bits 20
 * to 23 of the word at byte 64 + 4; i = 2 and j = 1, so its upper bits are bits 22 and 23 of the
 * word at byte 128 + 4.
 *
 * <p>Shapes, with T = rows / 16 rounded up and G = columns / group size: codes uint8 (T,
 * columns/16, 192), scales and offsets as in {@link Int4}. Padding rows of the last tile have the
 * scale 0.
 */
public final class Int6 extends GroupedWeight {

    /** The zero point of symmetric weights. */
    public static final int ZERO_POINT = 32;

    /**
     * Creates a weight from its tensors.
     *
     * @param rows the number of outputs
     * @param codes uint8 (T, columns/16, 192)
     * @param scales float16 (T, G, 16), or two-level ones
     * @param offsets of the scales' type and shape, null for a symmetric weight
     * @throws IllegalArgumentException if the tensors are inconsistent
     */
    public Int6(int rows, Tensor codes, Tensor scales, @Nullable Tensor offsets) {
        super(
                "int6",
                rows,
                codes,
                scales,
                offsets,
                Dtype.UINT8,
                16,
                12 * Int4.TILE,
                size -> scales.dtype() != Dtype.FLOAT32 && (size == 16 || size == 32));
    }

    /** Returns what is subtracted from a code: 32 in a symmetric weight, 0 in one with offsets. */
    public int zeroPoint() {
        return offsets() == null ? ZERO_POINT : 0;
    }

    @Override
    int code(ByteBuffer data, int row, int column) {
        return Int6Layout.code(data, row, columns(), column) - zeroPoint();
    }
}
