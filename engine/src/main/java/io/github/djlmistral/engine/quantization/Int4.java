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
 * A matrix of 4-bit codes in groups, our own layout: what kernels read, a file holds, and GPTQ, AWQ
 * and GGUF's 4-bit types become without loss.
 *
 * <p>A row is cut into groups of 32, 64 or 128 columns; with code q from 0 to 15 a weight is
 *
 * <pre>
 * w = scale · q + offset      or, symmetric, without offsets:      w = scale · (q - 8)
 * </pre>
 *
 * computed in float32. Scales and offsets are float16 or float32.
 *
 * <p>Codes lie in tiles of 16 rows, so that in a vector register each 32-bit lane is a row of its
 * own and no sum across lanes is needed. Eight columns of a tile are 16 little-endian words of 32
 * bits, one for each row. A word holds the even columns in its lower half, the odd ones in its
 * upper half, four bits each from the lowest on: so the lower halves times column 0 of the input
 * and the upper halves times column 1 are one multiplication of 16-bit lanes.
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
 * 64), scales and offsets (T, G, 16), the row's place within the tile last. Rows that fill the last
 * tile up have the scale 0.
 */
public final class Int4 implements QuantizedWeight {

    /** Rows of a tile. */
    public static final int TILE = 16;

    /** What is subtracted from a code where there are no offsets. */
    public static final int ZERO_POINT = 8;

    private final int rows;
    private final int columns;
    private final Tensor codes;
    private final Tensor scales;
    private final @Nullable Tensor offsets;
    private final int @Nullable [] inputOrder;

    /**
     * Takes the parts of a matrix as they are stored.
     *
     * @param rows the number of outputs
     * @param codes uint8 (T, columns/8, 64)
     * @param scales float16 or float32 (T, G, 16)
     * @param offsets of the same type and shape, null for a symmetric matrix
     * @param inputOrder the input that each column belongs to, null if they are in order (GPTQ with
     *     {@code desc_act} groups inputs that are not neighbours)
     * @throws IllegalArgumentException if the parts do not fit together
     */
    public Int4(
            int rows,
            Tensor codes,
            Tensor scales,
            @Nullable Tensor offsets,
            int @Nullable [] inputOrder) {
        long[] shape = codes.shape();
        long[] groups = scales.shape();
        long tiles = (rows + TILE - 1L) / TILE;
        boolean fits =
                codes.dtype() == Dtype.UINT8
                        && shape.length == 3
                        && shape[0] == tiles
                        && shape[2] == 4 * TILE
                        && (scales.dtype() == Dtype.FLOAT16 || scales.dtype() == Dtype.FLOAT32)
                        && groups.length == 3
                        && groups[0] == tiles
                        && groups[1] > 0
                        && groups[2] == TILE
                        && 8 * shape[1] % groups[1] == 0
                        && isGroupSize(8 * shape[1] / groups[1]);
        boolean alike =
                offsets == null
                        || (offsets.dtype() == scales.dtype()
                                && Arrays.equals(offsets.shape(), groups));
        if (!fits || !alike) {
            throw new IllegalArgumentException(
                    String.format(
                            "no int4 matrix of %d rows: codes %s, scales %s, offsets %s",
                            rows, codes, scales, offsets));
        }
        this.rows = rows;
        columns = Math.toIntExact(8 * shape[1]);
        this.codes = codes;
        this.scales = scales;
        this.offsets = offsets;
        this.inputOrder = inputOrder == null ? null : inputOrder.clone();
    }

    /** Whether groups may have this size. */
    static boolean isGroupSize(long size) {
        return size == 32 || size == 64 || size == 128;
    }

    /**
     * Packs a matrix, on all cores.
     *
     * @param name the tensors' names begin with it
     * @param rows the number of outputs
     * @param columns the number of inputs, a multiple of the group size
     * @param groupSize 32, 64 or 128
     * @param scaleType float16 or float32, which the scales and offsets are rounded to
     * @param symmetric whether there are no offsets
     * @param inputOrder see the constructor
     * @param source the codes (0 to 15), scales and offsets of a row
     * @return the matrix, in memory of its own outside the heap
     */
    static Int4 pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            int @Nullable [] inputOrder,
            GroupedRowSource source) {
        if (!isGroupSize(groupSize) || columns % groupSize != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            "%s: %d columns cannot be cut into groups of %d: int4 needs 32, 64 or"
                                    + " 128, dividing the columns",
                            name, columns, groupSize));
        }
        int tiles = (rows + TILE - 1) / TILE;
        int groups = columns / groupSize;
        Tensor codes =
                Tensor.allocate(name + ".int4.codes", Dtype.UINT8, tiles, columns / 8, 4 * TILE);
        Tensor scales = Tensor.allocate(name + ".int4.scales", scaleType, tiles, groups, TILE);
        Tensor offsets =
                symmetric
                        ? null
                        : Tensor.allocate(name + ".int4.offsets", scaleType, tiles, groups, TILE);
        ByteBuffer words = codes.data();
        source.pack(
                rows,
                columns,
                (row, rowCodes) -> {
                    int at = wordOffset(row, columns);
                    for (int c = 0; c < columns; c += 8, at += 4 * TILE) {
                        int word = 0;
                        for (int i = 0; i < 8; ++i) {
                            word |= rowCodes[c + i] << shift(i);
                        }
                        words.putInt(at, word);
                    }
                },
                scales,
                offsets);
        return new Int4(rows, codes, scales, offsets, inputOrder);
    }

    /** Where the word of a row's first eight columns begins, in bytes. */
    private static int wordOffset(int row, int columns) {
        return row / TILE * TILE * (columns / 2) + 4 * (row % TILE);
    }

    /** Where in its word the code of a column is, in bits. */
    private static int shift(int column) {
        return 4 * (column / 2 % 4) + 16 * (column % 2);
    }

    static float get(ByteBuffer from, Dtype type, int index) {
        return type == Dtype.FLOAT32
                ? from.getFloat(4 * index)
                : Float16.toFloat(from.getShort(2 * index));
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

    /** Returns the codes, uint8 (T, columns/8, 64). */
    public Tensor codes() {
        return codes;
    }

    /** Returns the scales (T, G, 16). */
    public Tensor scales() {
        return scales;
    }

    /** Returns the offsets, as the scales are; null for a symmetric matrix. */
    public @Nullable Tensor offsets() {
        return offsets;
    }

    /** Returns the input that each column belongs to; null if they are in order. */
    public int @Nullable [] inputOrder() {
        return inputOrder == null ? null : inputOrder.clone();
    }

    @Override
    public void dequantizeRow(int row, float[] to) {
        ByteBuffer words = codes.data();
        ByteBuffer scaleBytes = scales.data();
        ByteBuffer offsetBytes = offsets == null ? null : offsets.data();
        int size = groupSize();
        int groups = columns / size;
        int at = wordOffset(row, columns);
        for (int c = 0; c < columns; ++c) {
            int code = (words.getInt(at + c / 8 * 4 * TILE) >> shift(c)) & 15;
            int index = (row / TILE * groups + c / size) * TILE + row % TILE;
            float scale = get(scaleBytes, scales.dtype(), index);
            float value =
                    offsetBytes == null
                            ? scale * (code - ZERO_POINT)
                            : scale * code + get(offsetBytes, scales.dtype(), index);
            to[inputOrder == null ? c : inputOrder[c]] = value;
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

    /** Returns such as {@code int4 g64}. */
    @Override
    public String toString() {
        return "int4 g" + groupSize();
    }
}
