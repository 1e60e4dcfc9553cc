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
 * The inputs of a matrix product: a row for each token, in float32, and quantized to int8 for int4
 * weights. Each thread of the team computes its own copy, which costs less than a barrier.
 */
final class Input {

    /**
     * The largest magnitude of an int8 input: the sum of 16 products with codes up to 15 fits in 16
     * bits.
     */
    private static final int LARGEST = 127;

    /** 1.5 · 2^23: adding and subtracting it rounds to the nearest integer. */
    private static final float ROUND = 12582912f;

    /** The rows, {@link #stride} elements apart. */
    float[] values = new float[0];

    int stride;

    /** The int8 inputs as pairs of 16-bit integers, the first in the lower half; row-major. */
    int[] pairs = new int[0];

    /** The scale of each group of int8 inputs; row-major. */
    float[] scales = new float[0];

    /** For each group, the sum of its int8 inputs times its scale; row-major. */
    float[] sums = new float[0];

    private float[] normed = new float[0];
    private float[] scratch = new float[0];
    private float[] deinterleaved = new float[0];
    private boolean deinterleavedValid;
    private float[] ordered = new float[0];
    private int roundedGroup;
    private int @Nullable [] roundedOrder;

    /** Sets the rows. */
    void set(float[] rows, int columns) {
        values = rows;
        stride = columns;
        roundedGroup = 0;
        deinterleavedValid = false;
    }

    /**
     * Sets the rows and applies an RMS norm. Its weight is read at each call, since it may have
     * changed since the last pass.
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
     * Quantizes the inputs to int8: {@code round(x · 127 / m)}, where m is the largest magnitude of
     * the group.
     *
     * @param tokens the number of rows
     * @param group the group size in columns
     * @param order the column that each int8 input is taken from; null if they are in order
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

    /** Returns a buffer for intermediate results, of at least this many elements. */
    float[] scratch(int count) {
        if (scratch.length < count) {
            scratch = new float[count];
        }
        return scratch;
    }

    /** Returns the rows with their even columns first, then the odd ones. */
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
