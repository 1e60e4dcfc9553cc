/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix of 8-bit codes in groups, which the types of GGUF with more than 4 bits become without
 * loss.
 *
 * <p>A row is cut into groups of 16 columns or a multiple of 16; with code q from -128 to 127 a
 * weight is {@code w = scale · q}, or {@code scale · q + offset} where there are offsets, computed
 * in float32. Scales and offsets are float16 or float32.
 *
 * <p>As in {@link Int4} codes lie in tiles of 16 rows, one lane of a vector register a row; here
 * the 16 bytes of a column follow one another. Shapes, with T = rows / 16 rounded up and G =
 * columns / group size: codes int8 (T, columns, 16), scales and offsets (T, G, 16). Rows that fill
 * the last tile up have the scale 0.
 */
public final class Int8 implements QuantizedWeight {

    private static final int TILE = Int4.TILE;

    private final int rows;
    private final int columns;
    private final Tensor codes;
    private final Tensor scales;
    private final @Nullable Tensor offsets;

    /**
     * Takes the parts of a matrix as they are stored.
     *
     * @param rows the number of outputs
     * @param codes int8 (T, columns, 16)
     * @param scales float16 or float32 (T, G, 16)
     * @param offsets of the same type and shape, null if there are none
     * @throws IllegalArgumentException if the parts do not fit together
     */
    public Int8(int rows, Tensor codes, Tensor scales, @Nullable Tensor offsets) {
        long[] shape = codes.shape();
        long[] groups = scales.shape();
        long tiles = (rows + TILE - 1L) / TILE;
        boolean fits =
                codes.dtype() == Dtype.INT8
                        && shape.length == 3
                        && shape[0] == tiles
                        && shape[2] == TILE
                        && (scales.dtype() == Dtype.FLOAT16 || scales.dtype() == Dtype.FLOAT32)
                        && groups.length == 3
                        && groups[0] == tiles
                        && groups[1] > 0
                        && groups[2] == TILE
                        && shape[1] % (16 * groups[1]) == 0;
        boolean alike =
                offsets == null
                        || (offsets.dtype() == scales.dtype()
                                && Arrays.equals(offsets.shape(), groups));
        if (!fits || !alike) {
            throw new IllegalArgumentException(
                    String.format(
                            "no int8 matrix of %d rows: codes %s, scales %s, offsets %s",
                            rows, codes, scales, offsets));
        }
        this.rows = rows;
        columns = Math.toIntExact(shape[1]);
        this.codes = codes;
        this.scales = scales;
        this.offsets = offsets;
    }

    /**
     * Packs a matrix, on all cores.
     *
     * @param name the tensors' names begin with it
     * @param rows the number of outputs
     * @param columns the number of inputs, a multiple of the group size
     * @param groupSize a multiple of 16
     * @param scaleType float16 or float32, which the scales and offsets are rounded to
     * @param symmetric whether there are no offsets
     * @param source the codes, scales and offsets of a row
     * @return the matrix, in memory of its own outside the heap
     */
    static Int8 pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            GroupedRowSource source) {
        if (groupSize % 16 != 0 || columns % groupSize != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            "%s: %d columns cannot be cut into groups of %d",
                            name, columns, groupSize));
        }
        int tiles = (rows + TILE - 1) / TILE;
        int groups = columns / groupSize;
        Tensor codes = Tensor.allocate(name + ".int8.codes", Dtype.INT8, tiles, columns, TILE);
        Tensor scales = Tensor.allocate(name + ".int8.scales", scaleType, tiles, groups, TILE);
        Tensor offsets =
                symmetric
                        ? null
                        : Tensor.allocate(name + ".int8.offsets", scaleType, tiles, groups, TILE);
        ByteBuffer bytes = codes.data();
        source.pack(
                rows,
                columns,
                (row, rowCodes) -> {
                    int at = row / TILE * columns * TILE + row % TILE;
                    for (int c = 0; c < columns; ++c) {
                        bytes.put(at + c * TILE, rowCodes[c]);
                    }
                },
                scales,
                offsets);
        return new Int8(rows, codes, scales, offsets);
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    /** Returns how many columns share a scale. */
    public int groupSize() {
        return columns / (int) scales.shape()[1];
    }

    /** Returns the codes, int8 (T, columns, 16). */
    public Tensor codes() {
        return codes;
    }

    /** Returns the scales (T, G, 16). */
    public Tensor scales() {
        return scales;
    }

    /** Returns the offsets, as the scales are; null where there are none. */
    public @Nullable Tensor offsets() {
        return offsets;
    }

    @Override
    public void dequantizeRow(int row, float[] to) {
        ByteBuffer bytes = codes.data();
        ByteBuffer scaleBytes = scales.data();
        ByteBuffer offsetBytes = offsets == null ? null : offsets.data();
        int size = groupSize();
        int tile = row / TILE;
        int place = row % TILE;
        for (int c = 0; c < columns; ++c) {
            int index = (tile * (columns / size) + c / size) * TILE + place;
            float value =
                    Int4.get(scaleBytes, scales.dtype(), index)
                            * bytes.get((tile * columns + c) * TILE + place);
            to[c] =
                    offsetBytes == null
                            ? value
                            : value + Int4.get(offsetBytes, scales.dtype(), index);
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
