/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import java.util.Arrays;

/**
 * Searches the scale and offset of each group that minimize the squared error, the sum of {@code (w
 * - scale · q - offset)²} over the group, where each code q is the nearest of 0 to 15.
 *
 * <p>The error has many local minima, because codes jump when scale and offset change. A grid of
 * starting points is tried; the best one is refined by Lloyd's algorithm: codes for the scale, then
 * the least-squares scale and offset for the codes. The grid includes min-max quantization, so the
 * result is never worse than that. Ten times as many starting points reduce the error by less than
 * 1 %.
 *
 * <p>Scales are rounded to the stored type before codes are chosen.
 *
 * <p>{@code weights[i][g]} is weight i of group g: all loops run over groups, without horizontal
 * sums, so that the JIT compiler vectorizes them.
 */
final class GroupSearch {

    /** Groups searched at once: enough for vectors, and few enough for the L1 cache. */
    private static final int GROUPS = 64;

    private static final int MOST = 15;

    /** Adding 1.5 · 2^23 rounds a float to the nearest integer, ties to even. */
    private static final float ROUND = 0x1.8p23f;

    /** The part of a group's range that is clipped at one end. */
    private static final float[] CUTS = {0, 0.025f, 0.05f, 0.075f, 0.11f};

    /**
     * The code minus 8 of the weight of the largest magnitude; -8 is min-max quantization. Beyond
     * that the weight is clipped; positive values negate the scale.
     */
    private static final float[] ENDS = {
        -8, -6.8f, -7.1f, -7.4f, -7.7f, -8.3f, -8.6f, -8.9f, -9.2f, -9.6f, -10f, 6.7f, 7f, 7.3f,
        7.6f, 8f
    };

    private static final int REFITS = 3;

    private final int size;
    private final boolean symmetric;
    private final boolean half;

    private final float[][] weights;
    private final float[] least = new float[GROUPS];
    private final float[] greatest = new float[GROUPS];
    private final float[] scale = new float[GROUPS];
    private final float[] offset = new float[GROUPS];
    private final float[] inverse = new float[GROUPS];
    private final float[] error = new float[GROUPS];
    private final float[] bestScale = new float[GROUPS];
    private final float[] bestOffset = new float[GROUPS];
    private final float[] bestError = new float[GROUPS];
    private final float[] sumQ = new float[GROUPS];
    private final float[] sumQq = new float[GROUPS];
    private final float[] sumU = new float[GROUPS];
    private final float[] sumQu = new float[GROUPS];

    /** The number of groups in use. */
    private int groups;

    /**
     * Creates a search. Not thread-safe.
     *
     * @param size weights per group
     * @param symmetric whether the offset is always {@code -8 · scale}
     * @param half whether scales and offsets are stored in float16, else in float32
     */
    GroupSearch(int size, boolean symmetric, boolean half) {
        this.size = size;
        this.symmetric = symmetric;
        this.half = half;
        weights = new float[size][GROUPS];
    }

    /**
     * Searches the groups of one row.
     *
     * @param row the weights, whose squares must not overflow float32
     * @param codes receives a code for each weight
     * @param scales receives the scales of the groups, rounded to the stored type
     * @param offsets receives the offsets, unless symmetric
     */
    void run(float[] row, byte[] codes, float[] scales, float[] offsets) {
        for (int first = 0; first < row.length / size; first += groups) {
            groups = Math.min(GROUPS, row.length / size - first);
            for (int g = 0; g < groups; ++g) {
                for (int i = 0; i < size; ++i) {
                    weights[i][g] = row[(first + g) * size + i];
                }
            }
            search();
            System.arraycopy(bestScale, 0, scales, first, groups);
            if (!symmetric) {
                System.arraycopy(bestOffset, 0, offsets, first, groups);
            }
            for (int g = 0; g < groups; ++g) {
                float o = bestOffset[g];
                float reciprocal = reciprocal(bestScale[g]);
                int at = (first + g) * size;
                for (int i = 0; i < size; ++i) {
                    codes[at + i] = (byte) code(row[at + i] - o, reciprocal);
                }
            }
        }
    }

    private void search() {
        range();
        Arrays.fill(bestError, Float.POSITIVE_INFINITY);
        if (symmetric) {
            for (float end : ENDS) {
                for (int g = 0; g < groups; ++g) {
                    boolean up = greatest[g] >= -least[g];
                    scale[g] = (up ? greatest[g] : least[g]) / end;
                }
                tryAll();
            }
        } else {
            for (float below : CUTS) {
                for (float above : CUTS) {
                    for (int g = 0; g < groups; ++g) {
                        float range = greatest[g] - least[g];
                        scale[g] = range * (1 - below - above) / MOST;
                        offset[g] = least[g] + range * below;
                    }
                    tryAll();
                }
            }
        }
        for (int k = 0; k < REFITS; ++k) {
            refit();
            tryAll();
        }
    }

    private void range() {
        Arrays.fill(least, Float.POSITIVE_INFINITY);
        Arrays.fill(greatest, Float.NEGATIVE_INFINITY);
        for (float[] w : weights) {
            for (int g = 0; g < groups; ++g) {
                least[g] = Math.min(least[g], w[g]);
                greatest[g] = Math.max(greatest[g], w[g]);
            }
        }
    }

    /** Rounds scales and offsets, and keeps those that reduce the error of their group. */
    private void tryAll() {
        for (int g = 0; g < groups; ++g) {
            scale[g] = stored(scale[g]);
            offset[g] = symmetric ? -Int4.ZERO_POINT * scale[g] : stored(offset[g]);
            inverse[g] = reciprocal(scale[g]);
        }
        Arrays.fill(error, 0);
        for (float[] w : weights) {
            addErrors(groups, w, scale, offset, inverse, error);
        }
        for (int g = 0; g < groups; ++g) {
            // NaN is not less
            if (error[g] < bestError[g]) {
                bestError[g] = error[g];
                bestScale[g] = scale[g];
                bestOffset[g] = offset[g];
            }
        }
    }

    /** The inner loop, which takes nearly all of the time. */
    private static void addErrors(
            int groups, float[] w, float[] scale, float[] offset, float[] inverse, float[] error) {
        for (int g = 0; g < groups; ++g) {
            float u = w[g] - offset[g];
            float q = Math.min(Math.max(u * inverse[g], 0f), MOST);
            q = (q + ROUND) - ROUND;
            float d = u - scale[g] * q;
            error[g] += d * d;
        }
    }

    /**
     * Computes the least-squares scale and offset for the codes of the best ones so far. With u = w
     * - best offset, n weights, and sums over a group:
     *
     * <pre>
     * scale  = (n Σqu - Σq Σu) / (n Σqq - Σq Σq)
     * offset = best offset + (Σu - scale Σq) / n
     * </pre>
     *
     * and, symmetric, with codes counted from 8 and u = w: scale = Σqu / Σqq.
     */
    private void refit() {
        float centre = symmetric ? Int4.ZERO_POINT : 0;
        for (int g = 0; g < groups; ++g) {
            inverse[g] = reciprocal(bestScale[g]);
            offset[g] = symmetric ? 0 : bestOffset[g];
        }
        Arrays.fill(sumQ, 0);
        Arrays.fill(sumQq, 0);
        Arrays.fill(sumU, 0);
        Arrays.fill(sumQu, 0);
        for (float[] w : weights) {
            addSums(groups, w, offset, inverse, centre, sumQ, sumQq, sumU, sumQu);
        }
        for (int g = 0; g < groups; ++g) {
            float factor = sumQq[g];
            float product = sumQu[g];
            if (!symmetric) {
                factor = size * factor - sumQ[g] * sumQ[g];
                product = size * product - sumQ[g] * sumU[g];
            }
            scale[g] = factor > 0 ? product / factor : 0; // all codes alike: no slope
            offset[g] += (sumU[g] - scale[g] * sumQ[g]) / size;
        }
    }

    private static void addSums(
            int groups,
            float[] w,
            float[] offset,
            float[] inverse,
            float centre,
            float[] sumQ,
            float[] sumQq,
            float[] sumU,
            float[] sumQu) {
        for (int g = 0; g < groups; ++g) {
            float u = w[g] - offset[g];
            float q = Math.min(Math.max(u * inverse[g] + centre, 0f), MOST);
            q = (q + ROUND) - ROUND - centre;
            sumQ[g] += q;
            sumQq[g] += q * q;
            sumU[g] += u;
            sumQu[g] += q * u;
        }
    }

    private static int code(float u, float reciprocal) {
        float q = Math.min(Math.max(u * reciprocal, 0f), MOST);
        return (int) ((q + ROUND) - ROUND);
    }

    /** The reciprocal; 0 for 0, so that all codes are 0. */
    private static float reciprocal(float scale) {
        return scale == 0 ? 0 : 1 / scale;
    }

    private float stored(float value) {
        return half ? Float16.toFloat(Float16.of(value)) : value;
    }
}
