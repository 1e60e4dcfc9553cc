/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.simd;

import static jdk.incubator.vector.VectorOperators.ADD;

import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Attention of the queries that share a key head, over a part of the cache, in one pass over its
 * keys and values (flash-decoding, Dao et al. 2023): a softmax whose largest score is found on the
 * way. Parts are put together by {@link #merge}.
 *
 * <p>After scores s_j so far: m = max s_j, l = Σ exp(s_j - m), a = Σ exp(s_j - m) v_j. When a block
 * brings a larger m', l and a are multiplied by exp(m - m').
 */
final class Attention {

    /** Keys that are computed at once: their numbers in float32 stay in the first-level cache. */
    private static final int BLOCK = 32;

    private final int heads;
    private final int size;
    private final float[] numbers;
    private final float[] scores = new float[BLOCK];

    /** Makes what one member of the team needs, for queries of so many heads and their size. */
    Attention(int heads, int size) {
        this.heads = heads;
        this.size = size;
        numbers = new float[BLOCK * size];
    }

    /**
     * Attends to the slots from {@code from} to {@code to}.
     *
     * @param dtype of the cache
     * @param keys the address of slot 0's key
     * @param values the address of slot 0's value
     * @param queries the heads' queries, one after the other, scaled by 1/sqrt(D)
     * @param at where they begin
     * @param mask added to the scores, slot 0's at {@code maskAt}; null for none
     * @param partial where the result goes: for each head a (D numbers), m and l
     * @param first where the first head's begins
     * @param step from one head's result to the next one's
     */
    void attend(
            Dtype dtype,
            long keys,
            long values,
            int from,
            int to,
            float[] queries,
            int at,
            float @Nullable [] mask,
            int maskAt,
            float[] partial,
            int first,
            int step) {
        for (int h = 0; h < heads; ++h) {
            int row = first + h * step;
            Arrays.fill(partial, row, row + size, 0);
            partial[row + size] = Float.NEGATIVE_INFINITY;
            partial[row + size + 1] = 0;
        }
        float[] weights = new float[heads * BLOCK];
        for (int slot = from; slot < to; slot += BLOCK) {
            int count = Math.min(BLOCK, to - slot);
            widen(dtype, keys + (long) slot * size * dtype.bytes(), count);
            for (int h = 0; h < heads; ++h) {
                int row = first + h * step;
                score(queries, at + h * size, count);
                if (mask != null) {
                    for (int j = 0; j < count; ++j) {
                        scores[j] += mask[maskAt + slot + j];
                    }
                }
                float largest = partial[row + size];
                for (int j = 0; j < count; ++j) {
                    largest = Math.max(largest, scores[j]);
                }
                if (largest == Float.NEGATIVE_INFINITY) { // all masked so far
                    Arrays.fill(weights, h * BLOCK, (h + 1) * BLOCK, 0);
                    continue;
                }
                rescale(partial, row, largest);
                partial[row + size + 1] += exponentials(largest, count, weights, h * BLOCK);
            }
            widen(dtype, values + (long) slot * size * dtype.bytes(), count);
            for (int h = 0; h < heads; ++h) {
                accumulate(weights, h * BLOCK, count, partial, first + h * step);
            }
        }
    }

    /** Copies keys or values to {@link #numbers} in float32. */
    private void widen(Dtype dtype, long address, int count) {
        int all = count * size;
        switch (dtype) {
            case FLOAT32 -> {
                for (int i = 0; i < all; i += Lanes.COUNT) {
                    Lanes.float32(address + 4L * i).intoArray(numbers, i);
                }
            }
            case BFLOAT16 -> {
                for (int i = 0; i < all; i += Lanes.COUNT) {
                    Lanes.bfloat16(address + 2L * i).intoArray(numbers, i);
                }
            }
            default -> {
                for (int i = 0; i < all; i += Lanes.COUNT) {
                    Lanes.smallFloat16(address + 2L * i).mul(Lanes.REBIAS).intoArray(numbers, i);
                }
            }
        }
    }

    private void score(float[] queries, int at, int count) {
        for (int j = 0; j < count; ++j) {
            FloatVector sum = Lanes.broadcast(0);
            for (int i = 0; i < size; i += Lanes.COUNT) {
                sum =
                        FloatVector.fromArray(Lanes.FLOATS, queries, at + i)
                                .fma(
                                        FloatVector.fromArray(Lanes.FLOATS, numbers, j * size + i),
                                        sum);
            }
            scores[j] = sum.reduceLanes(ADD);
        }
    }

    private void rescale(float[] partial, int row, float largest) {
        float before = partial[row + size];
        if (before == largest) {
            return;
        }
        float factor = (float) Math.exp(before - largest);
        for (int i = 0; i < size; i += Lanes.COUNT) {
            FloatVector.fromArray(Lanes.FLOATS, partial, row + i)
                    .mul(factor)
                    .intoArray(partial, row + i);
        }
        partial[row + size] = largest;
        partial[row + size + 1] *= factor;
    }

    /** Writes exp(s - largest), 0 behind the last score, and returns the sum. */
    private float exponentials(float largest, int count, float[] weights, int at) {
        Arrays.fill(scores, count, BLOCK, Float.NEGATIVE_INFINITY);
        FloatVector sum = Lanes.broadcast(0);
        for (int j = 0; j < BLOCK; j += Lanes.COUNT) {
            FloatVector s = FloatVector.fromArray(Lanes.FLOATS, scores, j).sub(largest);
            FloatVector e =
                    Lanes.exp(s).blend(0, s.lt(-87f)); // what is masked has no weight at all
            e.intoArray(weights, at + j);
            sum = sum.add(e);
        }
        return sum.reduceLanes(ADD);
    }

    private void accumulate(float[] weights, int at, int count, float[] partial, int row) {
        for (int i = 0; i < size; i += Lanes.COUNT) {
            FloatVector a = FloatVector.fromArray(Lanes.FLOATS, partial, row + i);
            FloatVector b = Lanes.broadcast(0);
            int j = 0;
            for (; j + 2 <= count; j += 2) {
                a = value(j, i).fma(Lanes.broadcast(weights[at + j]), a);
                b = value(j + 1, i).fma(Lanes.broadcast(weights[at + j + 1]), b);
            }
            if (j < count) {
                a = value(j, i).fma(Lanes.broadcast(weights[at + j]), a);
            }
            a.add(b).intoArray(partial, row + i);
        }
    }

    private FloatVector value(int j, int i) {
        return FloatVector.fromArray(Lanes.FLOATS, numbers, j * size + i);
    }

    /**
     * Puts the parts of one head together.
     *
     * @param partial parts as {@link #attend} gives them
     * @param first where the first begins
     * @param parts how many
     * @param step from one part to the next
     * @param out where the D numbers go; zeros if everything was masked
     * @param at where they begin
     */
    void merge(float[] partial, int first, int parts, int step, float[] out, int at) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int p = 0; p < parts; ++p) {
            largest = Math.max(largest, partial[first + p * step + size]);
        }
        Arrays.fill(out, at, at + size, 0);
        if (largest == Float.NEGATIVE_INFINITY) {
            return;
        }
        float sum = 0;
        for (int p = 0; p < parts; ++p) {
            int part = first + p * step;
            sum += partial[part + size + 1] * (float) Math.exp(partial[part + size] - largest);
        }
        for (int p = 0; p < parts; ++p) {
            int part = first + p * step;
            float factor = (float) Math.exp(partial[part + size] - largest) / sum;
            for (int i = 0; i < size; i += Lanes.COUNT) {
                FloatVector.fromArray(Lanes.FLOATS, partial, part + i)
                        .mul(factor)
                        .add(FloatVector.fromArray(Lanes.FLOATS, out, at + i))
                        .intoArray(out, at + i);
            }
        }
    }
}
