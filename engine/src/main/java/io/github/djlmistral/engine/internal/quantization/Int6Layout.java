/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/** Where the code of a weight is in the layout of {@code Int6}: tiles of 16 rows x 16 columns. */
public final class Int6Layout {

    private static final int TILE = 16;

    private Int6Layout() {}

    /**
     * Offset in bytes of the first of a row's three words for the columns from a multiple of 16.
     */
    private static int wordOffset(int row, int columns, int column) {
        return (row / TILE * columns + column) / 16 * 12 * TILE + row % TILE * 4;
    }

    private static int upperShift(int column) {
        int lower = Int4Layout.shift(column);
        return lower / 8 * 8 + lower % 8 / 2 + column / 8 % 2 * 4;
    }

    /** Returns a code, 0 to 63. */
    public static int code(ByteBuffer words, int row, int columns, int column) {
        int at = wordOffset(row, columns, column / 16 * 16);
        int lower = words.getInt(at + column / 8 % 2 * 4 * TILE) >> Int4Layout.shift(column) & 15;
        return lower | (words.getInt(at + 8 * TILE) >> upperShift(column) & 3) << 4;
    }

    /** Stores the codes of a row. */
    static void put(ByteBuffer words, int row, byte[] codes) {
        for (int c = 0; c < codes.length; c += 16) {
            int[] three = new int[3];
            for (int i = 0; i < 16; ++i) {
                three[i / 8] |= (codes[c + i] & 15) << Int4Layout.shift(i);
                three[2] |= codes[c + i] >> 4 << upperShift(i);
            }
            int at = wordOffset(row, codes.length, c);
            for (int i = 0; i < 3; ++i) {
                words.putInt(at + i * 4 * TILE, three[i]);
            }
        }
    }

    /**
     * Unpacks columns of a tile to the layout of {@code Int8}, whose 16 rows of a column are
     * adjacent, less the zero point.
     */
    static void unpack(
            ByteBuffer words, int columns, int zero, int tile, int column, int width, byte[] to) {
        for (int c = 0; c < width; c += 16) {
            int block = wordOffset(tile * TILE, columns, column + c);
            for (int place = 0; place < TILE; ++place) {
                int at = block + 4 * place;
                int upper = words.getInt(at + 8 * TILE);
                for (int half = 0; half < 2; ++half) {
                    int lower = words.getInt(at + half * 4 * TILE);
                    for (int i = 0; i < 8; ++i) {
                        int code = lower >> Int4Layout.shift(i) & 15;
                        code |= (upper >> upperShift(8 * half + i) & 3) << 4;
                        to[(c + 8 * half + i) * TILE + place] = (byte) (code - zero);
                    }
                }
            }
        }
    }

    /** Converts codes, less the zero point, to those of {@code Int8}: int8 (T, columns, 16). */
    public static Tensor bytes(Tensor words, int columns, int zero) {
        int tiles = (int) words.shape()[0];
        Tensor result = Tensor.allocate(words.name(), Dtype.INT8, tiles, columns, TILE);
        ByteBuffer from = words.data();
        ByteBuffer bytes = result.data();
        IntStream.range(0, tiles)
                .parallel()
                .forEach(
                        tile -> {
                            byte[] codes = new byte[columns * TILE];
                            unpack(from, columns, zero, tile, 0, columns, codes);
                            bytes.put(tile * codes.length, codes);
                        });
        return result;
    }
}
