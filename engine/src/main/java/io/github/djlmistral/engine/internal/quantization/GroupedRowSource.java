/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
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

    /** The scales and offsets of a weight; no offsets if it is symmetric. */
    record Packed(Tensor scales, @Nullable Tensor offsets) {}

    /**
     * Writes all rows into the tiled layout, in parallel.
     *
     * @param name the prefix of the tensors' names
     * @param rows the number of rows
     * @param columns the number of columns
     * @param groupSize the number of columns of a group
     * @param scaleType the type of scales and offsets: float16 or float32, int8 for two-level ones
     * @param symmetric whether there are no offsets
     * @param codes stores the codes
     * @return scales and offsets, in memory that they own
     */
    default Packed pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            Codes codes) {
        int tiles = (rows + Int4.TILE - 1) / Int4.TILE;
        Tensor scales = Factors.allocate(name + ".scales", scaleType, tiles, columns, groupSize);
        Tensor offsets =
                symmetric
                        ? null
                        : Factors.allocate(name + ".offsets", scaleType, tiles, columns, groupSize);
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
        return new Packed(scales, offsets);
    }
}
