/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of a sequence in two arrays a layer, (1, G, C, D), whose slots hold consecutive
 * tokens. Where there is no room behind the last token, the tokens that are still needed are copied
 * to the beginning of larger arrays. With a sliding window these have room for half as many tokens
 * again, so that a token is copied about twice.
 */
final class ContiguousKeyValues implements KeyValues {

    private static final int LEAST = 16;

    private final UnfusedKernels kernels;
    private final NDManager manager;
    private final int layers;
    private final int heads;
    private final int size;
    private final int window;
    private @Nullable Layers stored;

    /** The position of the token in slot 0. */
    private int first;

    private int length;

    ContiguousKeyValues(
            UnfusedKernels kernels,
            NDManager manager,
            int layers,
            int heads,
            int size,
            int window) {
        this.kernels = kernels;
        this.manager = manager;
        this.layers = layers;
        this.heads = heads;
        this.size = size;
        this.window = window;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int dropped() {
        return first;
    }

    /** Returns the keys of a layer, (1, G, C, D). */
    NDArray keys(int layer) {
        return stored().all.get(2 * layer);
    }

    /** Returns the values of a layer, (1, G, C, D). */
    NDArray values(int layer) {
        return stored().all.get(2 * layer + 1);
    }

    private Layers stored() {
        if (stored == null) {
            throw new IllegalStateException("no room was reserved");
        }
        return stored;
    }

    @Override
    public void reserve(int tokens) {
        Layers old = stored;
        if (old != null
                && old.users.get() == 1
                && Math.addExact(length, tokens) - first <= old.capacity) {
            return;
        }
        int from = Math.max(first, CacheSlots.firstNeeded(length, window));
        int kept = length - from;
        NDList all = old == null ? new NDList() : old.all;
        stored = new Layers(capacity(kept + Math.max(tokens, kept / 2)), all, from - first, kept);
        first = from;
        if (old != null) {
            old.release();
        }
    }

    private static int capacity(int needed) {
        return CacheSlots.doubled(LEAST, needed);
    }

    @Override
    public void advance(int tokens) {
        length += tokens;
    }

    @Override
    public void crop(int tokens) {
        length = tokens;
    }

    @Override
    public ContiguousKeyValues fork(NDManager other) {
        ContiguousKeyValues copy =
                new ContiguousKeyValues(kernels, other, layers, heads, size, window);
        if (stored != null) {
            stored.users.incrementAndGet();
            copy.stored = stored;
        }
        copy.first = first;
        copy.length = length;
        return copy;
    }

    /** Returns keys and values of each layer, (1, G, K, D) without room for more. */
    @Override
    public NDList arrays(NDManager to) {
        NDList result = new NDList();
        if (stored != null) {
            NDIndex slots = new NDIndex().addAllDim(2).addSliceDim(0, length - first).addAllDim();
            for (NDArray array : stored.all) {
                try (NDArray part = array.get(to, slots)) {
                    result.add(kernels.bits(part));
                }
            }
        }
        return result;
    }

    @Override
    public void restore(int dropped, int tokens, List<Tensor> arrays) {
        first = dropped;
        length = tokens;
        int kept = tokens - dropped;
        Shape shape = new Shape(1, heads, kept, size);
        boolean fits =
                arrays.stream().allMatch(array -> new Shape(array.shape()).equals(shape))
                        && (arrays.size() == 2 * layers || (arrays.isEmpty() && kept == 0));
        if (!fits) {
            throw new IllegalArgumentException(
                    "not " + 2 * layers + " arrays of the shape " + shape);
        }
        NDList all = new NDList();
        try (NDManager scope = manager.newSubManager()) {
            arrays.forEach(array -> all.add(kernels.load(scope, array)));
            stored = arrays.isEmpty() ? null : new Layers(capacity(kept + 1), all, 0, kept);
        }
    }

    @Override
    public long bytes() {
        int capacity = stored == null ? 0 : stored.capacity;
        return 2L * layers * heads * capacity * size * kernels.dtype().bytes();
    }

    @Override
    public void close() {
        if (stored != null) {
            stored.release();
            stored = null;
        }
    }

    /** Keys and values of each layer, which forks share. */
    private final class Layers {

        final int capacity;
        final NDList all = new NDList();
        final AtomicInteger users = new AtomicInteger(1);

        /** Copies slots of other arrays, if there are some, to the first ones. */
        Layers(int capacity, NDList other, int from, int count) {
            this.capacity = capacity;
            try {
                for (int i = 0; i < 2 * layers; ++i) {
                    NDArray array = zeros(capacity - (other.isEmpty() ? 0 : count));
                    if (!other.isEmpty() && count > 0) {
                        NDIndex slots = new NDIndex().addAllDim(2).addSliceDim(from, from + count);
                        try (NDArray rest = array;
                                NDArray part = other.get(i).get(manager, slots.addAllDim())) {
                            array = part.concat(rest, 2);
                        }
                    }
                    array.detach();
                    all.add(TorchKernels.outliving(array));
                }
            } catch (RuntimeException | Error e) {
                all.close();
                throw e;
            }
        }

        private NDArray zeros(int slots) {
            return kernels.zeros(manager, new Shape(1, heads, slots, size));
        }

        void release() {
            if (users.decrementAndGet() == 0) {
                all.close();
            }
        }
    }
}
