/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
public final class Int8 implements QuantizedWeight {

    private static final int TILE = Int4.TILE;

    private final int rows;
    private final int columns;
    private final int groupSize;
    private final Tensor codes;
    private final Tensor scales;
    private final @Nullable Tensor offsets;

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
        long[] shape = codes.shape();
        long tiles = (rows + TILE - 1L) / TILE;
        int size = shape.length == 3 ? Factors.groupSize(scales, tiles, shape[1]) : 0;
        boolean fits =
                codes.dtype() == Dtype.INT8
                        && shape[0] == tiles
                        && shape[2] == TILE
                        && scales.dtype() != Dtype.INT8
                        && size > 0
                        && size % 16 == 0;
        boolean alike =
                offsets == null
                        || (offsets.dtype() == scales.dtype()
                                && Arrays.equals(offsets.shape(), scales.shape()));
        if (!fits || !alike) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "not an int8 weight of %d rows: codes %s, scales %s, offsets %s",
                            rows,
                            codes,
                            scales,
                            offsets));
        }
        this.rows = rows;
        columns = Math.toIntExact(shape[1]);
        groupSize = size;
        this.codes = codes;
        this.scales = scales;
        this.offsets = offsets;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    /** Returns the group size in columns. */
    public int groupSize() {
        return groupSize;
    }

    /** Returns the codes, int8 (T, columns, 16). */
    public Tensor codes() {
        return codes;
    }

    /** Returns the scales (T, G, 16). */
    public Tensor scales() {
        return scales;
    }

    /** Returns the offsets (T, G, 16); null for a symmetric weight. */
    public @Nullable Tensor offsets() {
        return offsets;
    }

    @Override
    public void dequantizeRow(int row, float[] to) {
        ByteBuffer bytes = codes.data();
        Factors scale = new Factors(scales);
        Factors offset = offsets == null ? null : new Factors(offsets);
        int tile = row / TILE;
        int place = row % TILE;
        for (int c = 0; c < columns; ++c) {
            int group = c / groupSize;
            byte code = bytes.get((tile * columns + c) * TILE + place);
            float value = scale.get(tile, group, place) * code;
            to[c] = offset == null ? value : value + offset.get(tile, group, place);
        }
    }

    @Override
    public List<Tensor> tensors() {
        List<Tensor> tensors = new ArrayList<>(List.of(codes, scales));
        if (offsets != null) {
            tensors.add(offsets);
        }
        return tensors;
    }

    /** Returns such as {@code int8 g32}. */
    @Override
    public String toString() {
        return "int8 g" + groupSize();
    }
}
