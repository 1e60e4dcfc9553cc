/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

/**
 * Where a matrix in groups comes from, row by row. A group is a run of columns of one row that
 * share a scale and an offset: {@code w = scale * code + offset}.
 */
@FunctionalInterface
interface GroupedRows {

    /**
     * Gives one row. Called by several threads at once, with arrays of their own.
     *
     * @param row the row
     * @param codes to fill: one code for each column
     * @param scales to fill: one for each group
     * @param offsets to fill, one for each group, unless the matrix has none
     */
    void row(int row, byte[] codes, float[] scales, float[] offsets);
}
