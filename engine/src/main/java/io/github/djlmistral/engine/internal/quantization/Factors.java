/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * The scales, or the offsets, of a group-quantized weight: one number for each row and group of
 * columns. With T tiles of 16 rows there are two layouts.
 *
 * <p>Float: float16 or float32 (T, groups, 16).
 *
 * <p>Two-level, as in GGUF's K types: the number is the product, in float32, of a float16 of the
 * row and the 256 columns around the group, and a byte of the row and the group. With n = 256 /
 * group size, int8 (T, columns / 256, 32 + 16 n): of each 256 columns the float16 of 16 rows, and
 * then n times the bytes of 16 rows. Example, groups of 32: the factor of row 17 and columns 288 to
 * 319 is that of tile 1, block 1 of 160 bytes, group 1: the product of the float16 at byte 2 of the
 * block and byte 32 + 16 + 1. That is 0.31 bits per weight, against 1 for float32.
 */
public final class Factors {

    private static final int TILE = 16;

    /** Columns that share a float16 of the two-level layout. */
    private static final int BLOCK = 256;

    private final ByteBuffer data;
    private final Dtype dtype;
    private final int tiles;

    /** Groups, or blocks, of a row. */
    private final int count;

    /** Groups of a block in the two-level layout, 0 in the float layout. */
    private final int inBlock;

    /**
     * Reads and writes a tensor.
     *
     * @param tensor scales or offsets, in one of the two layouts
     */
    public Factors(Tensor tensor) {
        data = tensor.data();
        dtype = tensor.dtype();
        tiles = (int) tensor.shape()[0];
        count = (int) tensor.shape()[1];
        inBlock = isFloat(dtype) ? 0 : ((int) tensor.shape()[2] - 2 * TILE) / TILE;
    }

    private static boolean isFloat(Dtype dtype) {
        return dtype == Dtype.FLOAT16 || dtype == Dtype.FLOAT32;
    }

    private static long[] shape(Dtype dtype, long tiles, long columns, long groupSize) {
        return isFloat(dtype)
                ? new long[] {tiles, columns / groupSize, TILE}
                : new long[] {tiles, columns / BLOCK, 2 * TILE + BLOCK / groupSize * TILE};
    }

    /**
     * Allocates a tensor.
     *
     * @param dtype float16 or float32; int8 for the two-level layout
     * @throws IllegalArgumentException if the columns cannot be divided into such groups
     */
    static Tensor allocate(String name, Dtype dtype, int tiles, int columns, int groupSize) {
        int whole = isFloat(dtype) ? groupSize : BLOCK;
        if (columns % whole != 0 || whole % groupSize != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s: %d columns cannot be divided into groups of %d in blocks of %d",
                            name,
                            columns,
                            groupSize,
                            whole));
        }
        return Tensor.allocate(name, dtype, shape(dtype, tiles, columns, groupSize));
    }

    /** Returns the size in bytes of the scales, or the offsets, of a weight of some tiles. */
    public static long bytes(Dtype dtype, long tiles, long columns, long groupSize) {
        long[] shape = shape(dtype, tiles, columns, groupSize);
        return dtype.bytes() * shape[0] * shape[1] * shape[2];
    }

    /**
     * Returns the group size of a weight.
     *
     * @param tensor its scales or offsets
     * @param tiles the number of tiles of the weight
     * @param columns the number of columns
     * @return the group size in columns; 0 if the tensor is of neither layout
     */
    public static int groupSize(Tensor tensor, long tiles, long columns) {
        long[] shape = tensor.shape();
        if (shape.length != 3 || shape[0] != tiles || shape[1] < 1 || columns % shape[1] != 0) {
            return 0;
        }
        if (isFloat(tensor.dtype())) {
            return shape[2] == TILE ? (int) (columns / shape[1]) : 0;
        }
        long inBlock = (shape[2] - 2 * TILE) / TILE;
        boolean twoLevel =
                tensor.dtype() == Dtype.INT8
                        && columns / shape[1] == BLOCK
                        && shape[2] % TILE == 0
                        && inBlock > 0
                        && BLOCK % inBlock == 0;
        return twoLevel ? (int) (BLOCK / inBlock) : 0;
    }

    /**
     * Returns a factor.
     *
     * @param tile the tile
     * @param group the group of columns
     * @param place the row within the tile
     */
    public float get(int tile, int group, int place) {
        if (inBlock == 0) {
            return Float16.get(data, dtype, (tile * count + group) * TILE + place);
        }
        int block = block(tile, group / inBlock);
        return Float16.toFloat(data.getShort(block + 2 * place))
                * data.get(block + (2 + group % inBlock) * TILE + place);
    }

    private int block(int tile, int block) {
        return (tile * count + block) * (2 + inBlock) * TILE;
    }

    /** Returns the number of values of a row that {@link #put} takes. */
    int valuesOfRow() {
        return count * (inBlock == 0 ? 1 : 1 + inBlock);
    }

    /**
     * Stores the factors of a row.
     *
     * @param row the row
     * @param values a factor for each group; two-level, for each 256 columns the float16 followed
     *     by the bytes of their groups, as floats
     */
    void put(int row, float[] values) {
        int tile = row / TILE;
        int place = row % TILE;
        if (inBlock == 0) {
            for (int g = 0; g < count; ++g) {
                Float16.put(data, dtype, (tile * count + g) * TILE + place, values[g]);
            }
            return;
        }
        int next = 0;
        for (int b = 0; b < count; ++b) {
            int block = block(tile, b);
            data.putShort(block + 2 * place, Float16.of(values[next++]));
            for (int g = 0; g < inBlock; ++g) {
                data.put(block + (2 + g) * TILE + place, (byte) values[next++]);
            }
        }
    }

    /**
     * Converts factors to the float layout.
     *
     * @param tensor factors of any layout
     * @return the same numbers as float16 or float32 (T, groups, 16); the tensor itself if it is
     */
    public static Tensor floats(Tensor tensor) {
        if (isFloat(tensor.dtype())) {
            return tensor;
        }
        Factors from = new Factors(tensor);
        int groups = from.count * from.inBlock;
        Tensor result = Tensor.allocate(tensor.name(), Dtype.FLOAT32, from.tiles, groups, TILE);
        ByteBuffer numbers = result.data();
        for (int tile = 0; tile < from.tiles; ++tile) {
            for (int group = 0; group < groups; ++group) {
                for (int place = 0; place < TILE; ++place) {
                    numbers.putFloat(from.get(tile, group, place));
                }
            }
        }
        return result;
    }
}
