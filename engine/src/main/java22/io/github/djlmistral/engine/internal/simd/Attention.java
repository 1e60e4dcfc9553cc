/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static jdk.incubator.vector.VectorOperators.ADD;

import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Attention of the query heads that share a key/value head, over a range of slots of the cache,
 * with an online softmax (flash-decoding, Dao et al. 2023). {@link #merge} combines the results of
 * the ranges.
 *
 * <p>State after scores s_j: m = max s_j, l = Σ exp(s_j - m), a = Σ exp(s_j - m) v_j. When a block
 * has a larger maximum m', l and a are multiplied by exp(m - m').
 */
final class Attention {

    /** Slots per block: their keys and values fit in the L2 cache. */
    private static final int BLOCK = 128;

    /** Size of a cache line in bytes. */
    private static final int LINE = 64;

    private final int heads;
    private final int size;

    /** BLOCK scores of each head, which then become weights. */
    private final float[] scores;

    /** Written so that the compiler does not remove the loads. */
    @SuppressWarnings("UnusedVariable")
    private int fetched;

    /** Creates the state of one thread, for a number of query heads and their width. */
    Attention(int heads, int size) {
        this.heads = heads;
        this.size = size;
        scores = new float[heads * BLOCK];
    }

    /**
     * Attends to the slots {@code from} to {@code to - 1}.
     *
     * @param dtype the data type of the cache
     * @param keys the address of the key in slot 0
     * @param values the address of the value in slot 0
     * @param queries the query of each head, adjacent, scaled by 1/sqrt(D)
     * @param at the index of the first query
     * @param mask additive mask, that of slot 0 at {@code maskAt}; null for none
     * @param partial receives, for each head, a (D values), m and l
     * @param first the index in {@code partial} of the first head
     * @param step distance between the results of two heads
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
        for (int slot = from; slot < to; slot += BLOCK) {
            int count = Math.min(BLOCK, to - slot);
            long key = keys + (long) slot * size * dtype.bytes();
            long value = values + (long) slot * size * dtype.bytes();
            fetch(key, value, count * size * dtype.bytes());
            for (int h = 0; h < heads; h += 4) {
                score(dtype, key, count, queries, at, h);
            }
            for (int h = 0; h < heads; ++h) {
                weigh(mask, maskAt + slot, count, h * BLOCK, partial, first + h * step);
            }
            for (int h = 0; h < heads; h += 4) {
                accumulate(dtype, value, count, h, partial, first, step);
            }
        }
    }

    /**
     * Prefetches a block into the processor's caches. A loop of loads alone has as many of them in
     * flight as the memory supports; between multiplications most of them would stall (1.3 ms for
     * 4096 keys of 8 heads instead of 0.95 ms).
     */
    private void fetch(long keys, long values, int bytes) {
        int sum = 0;
        for (int i = 0; i < bytes; i += LINE) {
            sum += Memory.ALL.get(Lanes.BYTE, keys + i) + Memory.ALL.get(Lanes.BYTE, values + i);
        }
        fetched = sum;
    }

    /**
     * Computes the scores of four heads, two keys at a time: eight accumulators hide the latency of
     * an addition, and each key is loaded once for four heads. Past the last head, the last one is
     * computed again; likewise for keys.
     */
    private void score(Dtype dtype, long keys, int count, float[] queries, int at, int head) {
        int last = heads - 1;
        int head1 = Math.min(last, head + 1);
        int head2 = Math.min(last, head + 2);
        int head3 = Math.min(last, head + 3);
        int q0 = at + head * size;
        int q1 = at + head1 * size;
        int q2 = at + head2 * size;
        int q3 = at + head3 * size;
        int width = dtype.bytes();
        int half = (count + 1) / 2;
        for (int j = 0; j < half; ++j) {
            int next = Math.min(count - 1, j + half);
            long key = keys + (long) j * size * width;
            long nextKey = keys + (long) next * size * width;
            FloatVector a = Lanes.broadcast(0);
            FloatVector b = Lanes.broadcast(0);
            FloatVector c = Lanes.broadcast(0);
            FloatVector d = Lanes.broadcast(0);
            FloatVector e = Lanes.broadcast(0);
            FloatVector f = Lanes.broadcast(0);
            FloatVector g = Lanes.broadcast(0);
            FloatVector h = Lanes.broadcast(0);
            for (int i = 0; i < size; i += Lanes.COUNT) {
                FloatVector k = Lanes.load(dtype, key + (long) i * width);
                FloatVector l = Lanes.load(dtype, nextKey + (long) i * width);
                FloatVector q = FloatVector.fromArray(Lanes.FLOATS, queries, q0 + i);
                a = q.fma(k, a);
                b = q.fma(l, b);
                q = FloatVector.fromArray(Lanes.FLOATS, queries, q1 + i);
                c = q.fma(k, c);
                d = q.fma(l, d);
                q = FloatVector.fromArray(Lanes.FLOATS, queries, q2 + i);
                e = q.fma(k, e);
                f = q.fma(l, f);
                q = FloatVector.fromArray(Lanes.FLOATS, queries, q3 + i);
                g = q.fma(k, g);
                h = q.fma(l, h);
            }
            scores[head * BLOCK + j] = a.reduceLanes(ADD);
            scores[head * BLOCK + next] = b.reduceLanes(ADD);
            scores[head1 * BLOCK + j] = c.reduceLanes(ADD);
            scores[head1 * BLOCK + next] = d.reduceLanes(ADD);
            scores[head2 * BLOCK + j] = e.reduceLanes(ADD);
            scores[head2 * BLOCK + next] = f.reduceLanes(ADD);
            scores[head3 * BLOCK + j] = g.reduceLanes(ADD);
            scores[head3 * BLOCK + next] = h.reduceLanes(ADD);
        }
    }

    /**
     * Replaces the scores of a head by softmax weights, 0 past the last slot, and updates m and l.
     */
    private void weigh(
            float @Nullable [] mask, int maskAt, int count, int at, float[] partial, int row) {
        float largest = partial[row + size];
        for (int j = 0; j < count; ++j) {
            if (mask != null) {
                scores[at + j] += mask[maskAt + j];
            }
            largest = Math.max(largest, scores[at + j]);
        }
        if (largest == Float.NEGATIVE_INFINITY) { // all masked so far
            Arrays.fill(scores, at, at + BLOCK, 0);
            return;
        }
        rescale(partial, row, largest);
        Arrays.fill(scores, at + count, at + BLOCK, Float.NEGATIVE_INFINITY);
        FloatVector sum = Lanes.broadcast(0);
        for (int j = at; j < at + BLOCK; j += Lanes.COUNT) {
            FloatVector s = FloatVector.fromArray(Lanes.FLOATS, scores, j).sub(largest);
            FloatVector e =
                    Lanes.exp(s).blend(0, s.lt(-87f)); // the weight of a masked slot is exactly 0
            e.intoArray(scores, j);
            sum = sum.add(e);
        }
        partial[row + size + 1] += sum.reduceLanes(ADD);
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

    /** Adds the weighted values to the sums a of four heads, 2 L of the D elements at a time. */
    private void accumulate(
            Dtype dtype, long values, int count, int head, float[] partial, int first, int step) {
        int last = heads - 1;
        int w0 = head * BLOCK;
        int w1 = Math.min(last, head + 1) * BLOCK;
        int w2 = Math.min(last, head + 2) * BLOCK;
        int w3 = Math.min(last, head + 3) * BLOCK;
        int width = dtype.bytes();
        for (int i = 0; i < size; i += 2 * Lanes.COUNT) {
            int next = Math.min(size - Lanes.COUNT, i + Lanes.COUNT);
            FloatVector a = Lanes.broadcast(0);
            FloatVector b = Lanes.broadcast(0);
            FloatVector c = Lanes.broadcast(0);
            FloatVector d = Lanes.broadcast(0);
            FloatVector e = Lanes.broadcast(0);
            FloatVector f = Lanes.broadcast(0);
            FloatVector g = Lanes.broadcast(0);
            FloatVector h = Lanes.broadcast(0);
            for (int j = 0; j < count; ++j) {
                FloatVector v = Lanes.load(dtype, values + ((long) j * size + i) * width);
                FloatVector u = Lanes.load(dtype, values + ((long) j * size + next) * width);
                FloatVector w = Lanes.broadcast(scores[w0 + j]);
                a = v.fma(w, a);
                b = u.fma(w, b);
                w = Lanes.broadcast(scores[w1 + j]);
                c = v.fma(w, c);
                d = u.fma(w, d);
                w = Lanes.broadcast(scores[w2 + j]);
                e = v.fma(w, e);
                f = u.fma(w, f);
                w = Lanes.broadcast(scores[w3 + j]);
                g = v.fma(w, g);
                h = u.fma(w, h);
            }
            int row = first + head * step;
            add(partial, row, i, next, a, b);
            if (head + 1 <= last) {
                add(partial, row + step, i, next, c, d);
            }
            if (head + 2 <= last) {
                add(partial, row + 2 * step, i, next, e, f);
            }
            if (head + 3 <= last) {
                add(partial, row + 3 * step, i, next, g, h);
            }
        }
    }

    private static void add(float[] sums, int row, int i, int next, FloatVector a, FloatVector b) {
        FloatVector.fromArray(Lanes.FLOATS, sums, row + i).add(a).intoArray(sums, row + i);
        if (next > i) {
            FloatVector.fromArray(Lanes.FLOATS, sums, row + next)
                    .add(b)
                    .intoArray(sums, row + next);
        }
    }

    /**
     * Combines the partial results of a head.
     *
     * @param partial results of {@link #attend}
     * @param first the index of the first result
     * @param parts the number of results
     * @param step distance between two results
     * @param out receives the D values of the head; zeros if all slots are masked
     * @param at the index of the first value
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
