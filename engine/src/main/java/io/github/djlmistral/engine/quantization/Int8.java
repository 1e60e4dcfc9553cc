/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * 8-bit group-quantized weight in this library's own layout. GGUF's 8-bit type is converted to it
 * without loss.
 *
 * <p>A group is a multiple of 16 columns of a row. With codes q from -128 to 127 a weight is {@code
 * w = scale · q}, or {@code scale · q + offset} with offsets, in float32. Scales and offsets are
 * float16 or float32.
 *
 * <p>As in {@link Int4}, codes are stored in tiles of 16 rows; the 16 bytes of a column are
 * adjacent. Shapes, with T = rows / 16 rounded up and G = columns / group size: codes int8 (T,
 * columns, 16), scales and offsets (T, G, 16). Padding rows of the last tile have the scale 0.
 */
public final class Int8 extends GroupedWeight {

    /**
     * Creates a weight from its tensors.
     *
     * @param rows the number of outputs
     * @param codes int8 (T, columns, 16)
     * @param scales float16 or float32 (T, G, 16)
     * @param offsets of the scales' type and shape, null for a symmetric weight
     * @throws IllegalArgumentException if the tensors are inconsistent
     */
    public Int8(int rows, Tensor codes, Tensor scales, @Nullable Tensor offsets) {
        super(
                "int8",
                rows,
                codes,
                scales,
                offsets,
                Dtype.INT8,
                1,
                Int4.TILE,
                size -> scales.dtype() != Dtype.INT8 && size % 16 == 0);
    }

    @Override
    int code(ByteBuffer data, int row, int column) {
        int tile = row / Int4.TILE;
        return data.get((tile * columns() + column) * Int4.TILE + row % Int4.TILE);
    }
}
