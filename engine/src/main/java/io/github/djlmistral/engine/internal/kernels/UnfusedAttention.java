/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.UnfusedKernels.CacheSlots;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Attention of {@link UnfusedKernels} over a cache (B, G, C, D), in which the token at position p
 * is stored in slot {@code p mod C}.
 *
 * <p>Example, C = 4, rolling, after 6 tokens: the slots hold the positions 4 5 2 3. A single token
 * goes to slot 2 and attends to 4 5 6 3, in this order: attention does not depend on the order of
 * the keys. A pass over three tokens (6 7 8) also attends to 3 4 5, two of which it overwrites:
 * these keys are copied first, and the queries attend to 3 4 5 6 7 8 within the window.
 */
final class UnfusedAttention implements Attention {

    private final UnfusedKernels kernels;
    private final NDManager scope;
    private final AttentionInput input;
    private final int batch;
    private final int tokens;
    private final int past;
    private final NDList tables;
    private @Nullable NDArray slots;
    private @Nullable NDArray mask;

    UnfusedAttention(UnfusedKernels kernels, NDManager scope, AttentionInput input) {
        this.kernels = kernels;
        this.scope = scope;
        this.input = input;
        batch = input.sequences();
        tokens = input.equalTokens();
        past = input.past()[0];
        tables =
                kernels.rotaryTables(
                        scope.create(input.positions(), new Shape(batch, tokens)),
                        scope.create(input.inverseFrequencies()));
        mask = input.mask();
    }

    @Override
    public NDList forward(NDArray q, NDArray k, NDArray v, @Nullable KeyValues cache) {
        NDList seen = keys(sequences(q), sequences(k), sequences(v), cache);
        NDArray query = seen.get(0);
        NDArray key = seen.get(1);
        NDArray context = kernels.attend(query, key, seen.get(2), mask, input.window());
        NDList result = new NDList(context.reshape((long) batch * tokens, -1));
        if (input.weights()) {
            NDArray rule = Objects.requireNonNull(mask, "weights without a mask");
            int oldest = cache == null ? 0 : oldestSlot(cache);
            result.add(rolled(kernels.attentionWeights(query, key, rule), -oldest));
        }
        return result;
    }

    /** Reshapes (N, E) to (B, T, E). */
    private NDArray sequences(NDArray x) {
        return x.reshape(batch, tokens, -1);
    }

    /** Returns rotated queries (B, H, T, D), and the keys and values to attend to (B, G, K, D). */
    private NDList keys(NDArray q, NDArray k, NDArray v, @Nullable KeyValues cache) {
        if (cache == null) {
            return kernels.rotary(q, k, v, tables, null);
        }
        int capacity = cache.capacity();
        boolean wraps = tokens > 1 && past + tokens > capacity;
        int kept = wraps ? Math.min(past, capacity - 1) : 0;
        // copied before the kernel overwrites them
        NDArray oldKeys = kept == 0 ? null : newest(cache.keys(), kept, capacity);
        NDArray oldValues = kept == 0 ? null : newest(cache.values(), kept, capacity);
        NDList rotated =
                kernels.rotary(
                        q,
                        k,
                        v,
                        tables,
                        new CacheSlots(cache.keys(), cache.values(), slots(cache)));
        if (oldKeys != null && oldValues != null) {
            return new NDList(
                    rotated.get(0),
                    oldKeys.concat(rotated.get(1), 2),
                    oldValues.concat(rotated.get(2), 2));
        }
        if (wraps) {
            return rotated;
        }
        int end = Math.min(past + tokens, capacity);
        return new NDList(
                rotated.get(0), slice(cache.keys(), 0, end), slice(cache.values(), 0, end));
    }

    /** Returns the slots of the new tokens, and brings the mask into the order of the keys. */
    private NDArray slots(KeyValues cache) {
        if (slots == null) {
            int capacity = cache.capacity();
            int written = Math.min(tokens, capacity);
            long first = (long) past + tokens - written;
            slots =
                    scope.create(
                            LongStream.range(first, first + written)
                                    .map(p -> p % capacity)
                                    .toArray());
            mask = mask == null ? null : rolled(mask, oldestSlot(cache));
        }
        return slots;
    }

    /** Returns the slot of the oldest key where keys come in the order of slots, otherwise 0. */
    private int oldestSlot(KeyValues cache) {
        int end = past + tokens;
        return tokens == 1 && end > cache.capacity() ? end % cache.capacity() : 0;
    }

    /** Moves each element of the last dimension of (B, n, T, K) by a distance, around the end. */
    private static NDArray rolled(NDArray x, int distance) {
        long keys = x.getShape().get(3);
        long split = Math.floorMod(-distance, keys);
        return split == 0
                ? x
                : x.get(new NDIndex().addAllDim(3).addSliceDim(split, keys))
                        .concat(x.get(new NDIndex().addAllDim(3).addSliceDim(0, split)), 3);
    }

    /** Copies the newest {@code count} tokens before the pass, oldest first. */
    private NDArray newest(NDArray array, int count, int capacity) {
        int from = (past - count) % capacity;
        int tail = Math.min(count, capacity - from);
        NDList parts = new NDList(slice(array, from, from + tail));
        if (tail < count) {
            parts.add(slice(array, 0, count - tail));
        }
        return NDArrays.concat(parts, 2);
    }

    private NDArray slice(NDArray array, int from, int to) {
        return array.get(scope, new NDIndex().addAllDim(2).addSliceDim(from, to).addAllDim());
    }
}
