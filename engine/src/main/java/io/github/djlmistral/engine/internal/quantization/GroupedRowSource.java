/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Tensor;
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
     * @param scales receives the scales as {@link Factors#put} takes them: one for each group
     *     unless they are two-level
     * @param offsets receives the offsets likewise; ignored if the weight is symmetric
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
     * @param scales receives the scales
     * @param offsets receives the offsets; null if the weight is symmetric
     */
    default void pack(int rows, int columns, Codes codes, Tensor scales, @Nullable Tensor offsets) {
        int tiles = (int) scales.shape()[0];
        Factors scaleFactors = new Factors(scales);
        Factors offsetFactors = offsets == null ? null : new Factors(offsets);
        int values = scaleFactors.valuesOfRow();
        IntStream.range(0, tiles)
                .parallel()
                .forEach(
                        tile -> {
                            byte[] rowCodes = new byte[columns];
                            float[] rowScales = new float[values];
                            float[] rowOffsets = new float[values];
                            int end = Math.min(rows, (tile + 1) * Int4.TILE);
                            for (int row = tile * Int4.TILE; row < end; ++row) {
                                row(row, rowCodes, rowScales, rowOffsets);
                                codes.write(row, rowCodes);
                                scaleFactors.put(row, rowScales);
                                if (offsetFactors != null) {
                                    offsetFactors.put(row, rowOffsets);
                                }
                            }
                        });
    }
}
