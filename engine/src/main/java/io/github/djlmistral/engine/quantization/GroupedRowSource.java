/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Where a matrix in groups comes from, row by row. A group is a run of columns of one row that
 * share a scale and an offset: {@code w = scale * code + offset}.
 */
@FunctionalInterface
interface GroupedRowSource {

    /**
     * Gives one row. Called by several threads at once, with arrays of their own.
     *
     * @param row the row
     * @param codes to fill: one code for each column
     * @param scales to fill: one for each group
     * @param offsets to fill, one for each group, unless the matrix has none
     */
    void row(int row, byte[] codes, float[] scales, float[] offsets);

    /** Where the codes of a row go. */
    @FunctionalInterface
    interface Codes {

        /** Writes one row; called by several threads at once, for rows of different tiles. */
        void write(int row, byte[] codes);
    }

    /**
     * Writes all rows into a matrix in tiles, on all cores.
     *
     * @param rows how many there are
     * @param columns codes of a row
     * @param codes takes the codes
     * @param scales to fill, (T, G, 16)
     * @param offsets to fill, as the scales; null if the matrix has none
     */
    default void pack(int rows, int columns, Codes codes, Tensor scales, @Nullable Tensor offsets) {
        int tiles = (int) scales.shape()[0];
        int groups = (int) scales.shape()[1];
        ByteBuffer scaleBytes = scales.data();
        ByteBuffer offsetBytes = offsets == null ? null : offsets.data();
        IntStream.range(0, tiles)
                .parallel()
                .forEach(
                        tile -> {
                            byte[] rowCodes = new byte[columns];
                            float[] rowScales = new float[groups];
                            float[] rowOffsets = new float[groups];
                            int end = Math.min(rows, (tile + 1) * Int4.TILE);
                            for (int row = tile * Int4.TILE; row < end; ++row) {
                                row(row, rowCodes, rowScales, rowOffsets);
                                codes.write(row, rowCodes);
                                for (int g = 0; g < groups; ++g) {
                                    int index = (tile * groups + g) * Int4.TILE + row % Int4.TILE;
                                    put(scaleBytes, scales.dtype(), index, rowScales[g]);
                                    if (offsetBytes != null) {
                                        put(offsetBytes, scales.dtype(), index, rowOffsets[g]);
                                    }
                                }
                            }
                        });
    }

    private static void put(ByteBuffer to, Dtype type, int index, float value) {
        if (type == Dtype.FLOAT32) {
            to.putFloat(4 * index, value);
        } else {
            to.putShort(2 * index, Float16.of(value));
        }
    }
}
