/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/**
 * What matrices are multiplied with: a row of numbers for each token, and the same rounded to 8
 * bits for matrices of 4-bit codes. Each member of the team has one of its own, so that all have it
 * without waiting for each other: making it costs less than a barrier.
 */
final class Input {

    /**
     * The largest magnitude of a rounded number: 16 products with codes up to 15 fit in 16 bits.
     */
    private static final int LARGEST = 127;

    /** Added and taken away again, it rounds to the nearest integer: 1.5 · 2^23. */
    private static final float ROUND = 12582912f;

    /** Row after row, {@link #stride} apart. */
    float[] values = new float[0];

    int stride;

    /** Rounded numbers, two in an int, the first in its lower half; row after row. */
    int[] pairs = new int[0];

    /** What the rounded numbers of a group are multiplied by; row after row. */
    float[] scales = new float[0];

    /** The sums of the rounded numbers of a group, times its scale; row after row. */
    float[] sums = new float[0];

    private float[] normed = new float[0];
    private float[] scratch = new float[0];
    private float[] deinterleaved = new float[0];
    private boolean deinterleavedValid;
    private float[] ordered = new float[0];
    private int roundedGroup;
    private int @Nullable [] roundedOrder;

    /** Takes rows as they are. */
    void set(float[] rows, int columns) {
        values = rows;
        stride = columns;
        roundedGroup = 0;
        deinterleavedValid = false;
    }

    /**
     * Takes rows through a root-mean-square norm, whose weights are read where they are: they may
     * have changed since the last pass.
     */
    void setNormed(float[] rows, int tokens, int columns, Norm weight, float eps) {
        if (normed.length < tokens * columns) {
            normed = new float[tokens * columns];
        }
        for (int t = 0; t < tokens; ++t) {
            int row = t * columns;
            FloatVector squares = Lanes.broadcast(0);
            for (int i = row; i < row + columns; i += Lanes.COUNT) {
                FloatVector x = FloatVector.fromArray(Lanes.FLOATS, rows, i);
                squares = x.fma(x, squares);
            }
            float mean = squares.reduceLanes(ADD) / columns;
            float factor = (float) (1 / Math.sqrt(mean + eps));
            for (int i = 0; i < columns; i += Lanes.COUNT) {
                FloatVector.fromArray(Lanes.FLOATS, rows, row + i)
                        .mul(factor)
                        .mul(weight.load(i))
                        .intoArray(normed, row + i);
            }
        }
        set(normed, columns);
    }

    /**
     * Rounds to 8 bits: {@code round(x · 127 / m)}, with m the largest magnitude of the group.
     *
     * @param tokens how many rows
     * @param group how many columns share a scale
     * @param order the column that each rounded number is of, null for all in order
     */
    void round(int tokens, int group, int @Nullable [] order) {
        if (group == roundedGroup && Arrays.equals(order, roundedOrder)) {
            return;
        }
        int columns = stride;
        if (pairs.length < tokens * columns / 2) {
            pairs = new int[tokens * columns / 2];
        }
        int groups = columns / group;
        if (scales.length < tokens * groups) {
            scales = new float[tokens * groups];
            sums = new float[tokens * groups];
        }
        float[] source = order == null ? values : gather(tokens, order);
        MemorySegment to = MemorySegment.ofArray(pairs);
        for (int g = 0; g < tokens * groups; ++g) {
            round(source, g * group, group, to, g);
        }
        roundedGroup = group;
        roundedOrder = order;
    }

    private void round(float[] source, int from, int group, MemorySegment to, int g) {
        FloatVector largest = Lanes.broadcast(0);
        for (int i = from; i < from + group; i += Lanes.COUNT) {
            largest = largest.max(FloatVector.fromArray(Lanes.FLOATS, source, i).lanewise(ABS));
        }
        float magnitude = largest.reduceLanes(MAX);
        float factor = magnitude == 0 ? 0 : LARGEST / magnitude;
        IntVector sum = IntVector.zero(Lanes.INTS);
        IntVector zero = Lanes.broadcast(ROUND).reinterpretAsInts();
        for (int i = from; i < from + group; i += Lanes.COUNT) {
            IntVector q =
                    FloatVector.fromArray(Lanes.FLOATS, source, i)
                            .mul(factor)
                            .add(ROUND)
                            .reinterpretAsInts()
                            .sub(zero);
            sum = sum.add(q);
            q.convertShape(I2S, Lanes.HALVES, 0)
                    .reinterpretAsShorts()
                    .intoMemorySegment(to, 2L * i, Memory.ORDER);
        }
        float scale = magnitude / LARGEST;
        scales[g] = scale;
        sums[g] = sum.reduceLanes(ADD) * scale;
    }

    private float[] gather(int tokens, int[] order) {
        if (ordered.length < tokens * order.length) {
            ordered = new float[tokens * order.length];
        }
        for (int t = 0; t < tokens; ++t) {
            for (int i = 0; i < order.length; ++i) {
                ordered[t * order.length + i] = values[t * stride + order[i]];
            }
        }
        return ordered;
    }

    /** Numbers that a matrix needs while it multiplies. */
    float[] scratch(int count) {
        if (scratch.length < count) {
            scratch = new float[count];
        }
        return scratch;
    }

    /** Of each row the even columns, then the odd ones. */
    float[] deinterleaved(int tokens) {
        if (!deinterleavedValid) {
            if (deinterleaved.length < tokens * stride) {
                deinterleaved = new float[tokens * stride];
            }
            for (int t = 0; t < tokens; ++t) {
                int row = t * stride;
                for (int i = 0; i < stride / 2; ++i) {
                    deinterleaved[row + i] = values[row + 2 * i];
                    deinterleaved[row + stride / 2 + i] = values[row + 2 * i + 1];
                }
            }
            deinterleavedValid = true;
        }
        return deinterleaved;
    }
}
