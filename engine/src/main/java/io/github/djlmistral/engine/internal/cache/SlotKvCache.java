/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cache;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.Kernels.CacheSlots;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * KV cache that is allocated once. The token at position p is stored in slot {@code p mod
 * capacity}, in all rows of the batch alike: rows are padded on the left. Keys are stored with
 * their rotary embedding applied. The rolling variant is {@code RotatingCache} of
 * mistral-inference.
 *
 * <p>Example, capacity 4, after 6 tokens: the slots hold the positions 4 5 2 3. A single token goes
 * to slot 2 and attends to 4 5 6 3, in this order: attention does not depend on the order of the
 * keys. A pass over three tokens (6 7 8) also attends to 3 4 5, two of which it overwrites: these
 * keys are copied first, and the queries attend to 3 4 5 6 7 8 within the window.
 */
public final class SlotKvCache implements KvCache {

    private final OwnedManager owned;
    private final NDManager manager;
    private final Dtype dtype;
    private final Shape shape;
    private final int batch;
    private final int capacity;
    private final boolean rolling;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile boolean closed;
    private NDArray[] keys;
    private NDArray[] values;
    private int length;
    private boolean torn;

    private SlotKvCache(
            NDManager parent, Kernels kernels, int layers, Shape shape, boolean rolling) {
        this.shape = shape;
        dtype = kernels.dtype();
        batch = (int) shape.get(0);
        capacity = (int) shape.get(2);
        this.rolling = rolling;
        owned = new OwnedManager(parent, "kv-cache");
        manager = owned.manager();
        try {
            keys = zeros(kernels, layers);
            values = zeros(kernels, layers);
            owned.closeWithParent(this);
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    /**
     * Allocates a full cache.
     *
     * @param parent the manager that bounds the cache's lifetime, and its device
     * @param kernels the kernels that write to it
     * @param layers the number of layers
     * @param shape the shape of one layer's keys: (B, G, tokens, D)
     * @return an empty cache of {@code 2 · layers · B · G · tokens · D} elements
     */
    public static SlotKvCache full(NDManager parent, Kernels kernels, int layers, Shape shape) {
        return new SlotKvCache(parent, kernels, layers, shape, false);
    }

    /**
     * Allocates a rolling cache.
     *
     * @param parent the manager that bounds the cache's lifetime, and its device
     * @param kernels the kernels that write to it
     * @param layers the number of layers
     * @param shape the shape of one layer's keys: (B, G, window, D)
     * @return an empty cache of {@code 2 · layers · B · G · window · D} elements
     */
    public static SlotKvCache rolling(NDManager parent, Kernels kernels, int layers, Shape shape) {
        return new SlotKvCache(parent, kernels, layers, shape, true);
    }

    private NDArray[] zeros(Kernels kernels, int layers) {
        NDArray[] arrays = new NDArray[layers];
        Arrays.setAll(arrays, i -> kernels.zeros(manager, shape));
        return arrays;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int capacity() {
        return capacity;
    }

    @Override
    public boolean rolling() {
        return rolling;
    }

    @Override
    public int batch() {
        return batch;
    }

    @Override
    public int layers() {
        return keys.length;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public Dtype dtype() {
        return dtype;
    }

    @Override
    public Device device() {
        return manager.getDevice();
    }

    /** Locks the cache for this thread, or throws. */
    private void acquire() {
        if (!lock.tryLock()) {
            throw new IllegalStateException(
                    "another thread runs a pass with this cache: give each generation its own");
        }
        if (closed) {
            lock.unlock();
            throw new IllegalStateException(
                    "this cache, or the model it belongs to, is closed: create a new cache");
        }
    }

    private void release() {
        try {
            if (closed && lock.getHoldCount() == 1) {
                owned.close();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Begins a pass over the next tokens. The cache counts them only at {@link Pass#finish}, so a
     * failed pass can be repeated, unless it had begun to overwrite keys that it needs.
     *
     * @param scope the manager of arrays that live as long as the pass
     * @param tokens the number of tokens T of each row in this pass
     * @return the pass, to be closed by the same thread
     * @throws IllegalStateException if a full cache has too little room left, a failed pass has
     *     overwritten keys of a rolling cache, the cache is closed or another thread uses it
     */
    public Pass begin(NDManager scope, int tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException("a pass has at least one token, not " + tokens);
        }
        acquire();
        try {
            checkRoom(tokens);
            return new Pass(scope, tokens);
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    private void checkRoom(int tokens) {
        if (torn) {
            throw new IllegalStateException(
                    "a pass over several tokens failed after this rolling cache had overwritten"
                            + " tokens that it needs: create a new cache");
        }
        if (!rolling && tokens > capacity - length) {
            throw new IllegalStateException(
                    "the cache has room for "
                            + capacity
                            + " tokens and holds "
                            + length
                            + ": "
                            + tokens
                            + " more do not fit; allocate it for more tokens");
        }
    }

    @Override
    public void reorder(int[] rows) {
        if (rows.length != batch) {
            throw new IllegalArgumentException(
                    "the cache has " + batch + " rows, the new order names " + rows.length);
        }
        for (int row : rows) {
            if (row < 0 || row >= batch) {
                throw new IllegalArgumentException(
                        "the cache has the rows 0 to "
                                + (batch - 1)
                                + ", the new order names "
                                + row);
            }
        }
        acquire();
        try {
            for (NDArray[] arrays : new NDArray[][] {keys, values}) {
                for (int layer = 0; layer < arrays.length; ++layer) {
                    NDArray old = arrays[layer];
                    arrays[layer] = selected(old, rows);
                    old.close();
                }
            }
        } finally {
            release();
        }
    }

    private NDArray selected(NDArray array, int[] rows) {
        try (NDManager scope = manager.newSubManager()) {
            NDList list = new NDList();
            for (int row : rows) {
                list.add(array.get(scope, new NDIndex().addSliceDim(row, row + 1)));
            }
            NDArray result = NDArrays.concat(list, 0);
            result.attach(manager);
            return result;
        }
    }

    @Override
    public void crop(int tokens) {
        acquire();
        try {
            if (tokens < 0 || tokens > length) {
                throw new IllegalArgumentException(
                        "cannot crop to " + tokens + " tokens: the cache has seen " + length);
            }
            if (tokens < length && length > capacity) {
                throw new IllegalStateException(
                        "a rolling cache of "
                                + capacity
                                + " slots that has seen "
                                + length
                                + " tokens has overwritten what it would need after cropping to "
                                + tokens
                                + "; use a full cache");
            }
            length = tokens;
        } finally {
            release();
        }
    }

    @Override
    public void close() {
        closed = true;
        lock.lock();
        release();
    }

    /** One pass of T tokens through all layers. It locks the cache until it is closed. */
    public final class Pass implements AutoCloseable {

        private final NDManager scope;
        private final int tokens;
        private final int kept;
        private @Nullable NDArray slots;
        private boolean ended;

        private Pass(NDManager scope, int tokens) {
            this.scope = scope;
            this.tokens = tokens;
            kept = wraps() ? Math.min(length, capacity - 1) : 0;
        }

        /** The slots of the new tokens, created when a layer needs them: decoders do not. */
        private NDArray slots() {
            if (slots == null) {
                int written = Math.min(tokens, capacity);
                int first = length + tokens - written;
                slots =
                        scope.create(
                                IntStream.range(first, first + written)
                                        .mapToLong(p -> p % capacity)
                                        .toArray());
            }
            return slots;
        }

        private boolean wraps() {
            return tokens > 1 && length + tokens > capacity;
        }

        /**
         * Returns whether keys and values can be written in place, because no token of the pass
         * overwrites one that another token of the pass attends to.
         */
        public boolean inPlace() {
            return !wraps();
        }

        /** Returns the keys of each layer, (B, G, C, D), which the pass writes to. */
        public NDArray[] keys() {
            return keys.clone();
        }

        /** Returns the values of each layer, (B, G, C, D), which the pass writes to. */
        public NDArray[] values() {
            return values.clone();
        }

        /**
         * Returns the positions of the keys that {@link #update} returns, in their order.
         *
         * @return K positions
         */
        public int[] keyPositions() {
            int end = length + tokens;
            if (wraps()) {
                return IntStream.range(length - kept, end).toArray();
            }
            int[] positions = new int[Math.min(end, capacity)];
            for (int p = end - positions.length; p < end; ++p) {
                positions[p % capacity] = p;
            }
            return positions;
        }

        /**
         * Applies the rotary embedding to the new queries and keys of a layer, and stores keys and
         * values.
         *
         * @param kernels the kernels of the pass
         * @param layer the index of the layer
         * @param q (B, T, H·D)
         * @param k (B, T, G·D)
         * @param v (B, T, G·D)
         * @param tables the rotary tables of the pass
         * @return the queries (B, H, T, D), and the keys and values that they attend to (B, G, K,
         *     D)
         */
        public NDList update(
                Kernels kernels, int layer, NDArray q, NDArray k, NDArray v, NDList tables) {
            // copied before the kernel overwrites them
            NDArray oldKeys = kept == 0 ? null : newest(keys[layer], kept);
            NDArray oldValues = kept == 0 ? null : newest(values[layer], kept);
            torn |= kept > 0;
            NDList rotated =
                    kernels.rotary(
                            q, k, v, tables, new CacheSlots(keys[layer], values[layer], slots()));
            if (oldKeys != null && oldValues != null) {
                return new NDList(
                        rotated.get(0),
                        oldKeys.concat(rotated.get(1), 2),
                        oldValues.concat(rotated.get(2), 2));
            }
            if (wraps()) {
                return rotated;
            }
            int end = Math.min(length + tokens, capacity);
            return new NDList(
                    rotated.get(0), slice(keys[layer], 0, end), slice(values[layer], 0, end));
        }

        /** Copies the newest {@code count} tokens, oldest first. */
        private NDArray newest(NDArray array, int count) {
            int from = (length - count) % capacity;
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

        /** Counts the tokens of the pass as seen. */
        public void finish() {
            length += tokens;
            torn = false;
        }

        /** Unlocks the cache. */
        @Override
        public void close() {
            if (!ended) {
                ended = true;
                release();
            }
        }
    }
}
