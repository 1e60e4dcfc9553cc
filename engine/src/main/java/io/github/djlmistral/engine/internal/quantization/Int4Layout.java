/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

/** Where the code of a weight is in the layout of {@code Int4}: tiles of 16 rows x 8 columns. */
public final class Int4Layout {

    private static final int TILE = 16;

    private Int4Layout() {}

    /** Offset in bytes of the word of a row's first eight columns. */
    public static int wordOffset(int row, int columns) {
        return row / TILE * TILE * (columns / 2) + 4 * (row % TILE);
    }

    /** Position in bits of a column's code in its word. */
    public static int shift(int column) {
        return 4 * (column / 2 % 4) + 16 * (column % 2);
    }
}
