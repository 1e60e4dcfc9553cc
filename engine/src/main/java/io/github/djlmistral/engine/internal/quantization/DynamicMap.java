/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import java.util.Arrays;

/**
 * The values of bitsandbytes' dynamic 8-bit types (Dettmers et al. 2022), 256 in ascending order: 0
 * and 1, and for each of the 7 powers of ten 10^-6 to 1 that power times the midpoints of equal
 * parts of the interval from 0.1 to 1. The k-th power, from 0, has 2^k parts in the signed type,
 * whose values come with both signs, and 2^(k+1) in the unsigned type.
 */
public final class DynamicMap {

    private static final int SIZE = 256;

    private DynamicMap() {}

    /** Returns the values of the signed type, from -0.993 to 1. */
    public static float[] signed() {
        return map(true);
    }

    /** Returns the values of the unsigned type, from 0 to 1. */
    public static float[] unsigned() {
        return map(false);
    }

    private static float[] map(boolean signed) {
        float[] map = new float[SIZE];
        int count = 0;
        for (int power = 0; power < 7; ++power) {
            int parts = 1 << (signed ? power : power + 1);
            for (int part = 0; part < parts; ++part) {
                double middle = 0.1 + 0.9 * (part + 0.5) / parts;
                map[count++] = (float) (Math.pow(10, power - 6) * middle);
                if (signed) {
                    map[count] = -map[count - 1];
                    ++count;
                }
            }
        }
        map[count] = 0;
        map[count + 1] = 1;
        Arrays.sort(map);
        return map;
    }

    /**
     * Returns what rounding to both types needs: the signed values, the unsigned values, and the
     * middles between neighbors of each, which end with an unused 0.
     *
     * @return 4 rows of 256
     */
    public static float[] tables() {
        float[] tables = new float[4 * SIZE];
        float[][] maps = {signed(), unsigned()};
        for (int m = 0; m < 2; m++) {
            System.arraycopy(maps[m], 0, tables, m * SIZE, SIZE);
            for (int i = 0; i + 1 < SIZE; i++) {
                tables[(2 + m) * SIZE + i] = (maps[m][i] + maps[m][i + 1]) / 2;
            }
        }
        return tables;
    }
}
