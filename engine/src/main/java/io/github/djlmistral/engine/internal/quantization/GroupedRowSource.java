/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Supplies the rows of a group-quantized weight. A group is a run of columns of one row that share
 * a scale and an offset: {@code w = scale * code + offset}.
 */
@FunctionalInterface
interface GroupedRowSource {

    /**
     * Computes one row. Called by several threads at once, each with its own arrays.
     *
     * @param row the row
     * @param codes receives a code for each column
     * @param scales receives a scale for each group
     * @param offsets receives an offset for each group; ignored if the weight is symmetric
     */
    void row(int row, byte[] codes, float[] scales, float[] offsets);

    /** Stores the codes of a row. */
    @FunctionalInterface
    interface Codes {

        /** Stores one row; called by several threads at once, for rows of different tiles. */
        void write(int row, byte[] codes);
    }

    /**
     * Writes all rows into the tiled layout, in parallel.
     *
     * @param rows the number of rows
     * @param columns the number of columns
     * @param codes stores the codes
     * @param scales receives the scales (T, G, 16)
     * @param offsets receives the offsets (T, G, 16); null if the weight is symmetric
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
                                    Float16.put(scaleBytes, scales.dtype(), index, rowScales[g]);
                                    if (offsetBytes != null) {
                                        Float16.put(
                                                offsetBytes, scales.dtype(), index, rowOffsets[g]);
                                    }
                                }
                            }
                        });
    }
}
