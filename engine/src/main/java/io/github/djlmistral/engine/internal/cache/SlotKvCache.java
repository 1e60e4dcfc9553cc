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
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.concurrent.locks.ReentrantLock;

/**
 * KV cache that is allocated once, in the layout of the kernels. All rows of the batch have equally
 * many tokens: they are padded on the left. The rolling variant is {@code RotatingCache} of
 * mistral-inference.
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
    private final String kernels;
    private final KeyValues[] keyValues;
    private int length;
    private boolean torn;

    private SlotKvCache(
            NDManager parent, Kernels kernels, int layers, Shape shape, boolean rolling) {
        this.shape = shape;
        this.kernels = kernels.name();
        dtype = kernels.dtype();
        batch = (int) shape.get(0);
        capacity = (int) shape.get(2);
        this.rolling = rolling;
        owned = new OwnedManager(parent, "kv-cache");
        manager = owned.manager();
        int heads = (int) shape.get(1);
        int size = (int) shape.get(3);
        keyValues = new KeyValues[layers];
        try {
            for (int i = 0; i < layers; ++i) {
                keyValues[i] = kernels.newKeyValues(manager, batch, heads, size, capacity, rolling);
            }
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
     * @return an empty cache of at least {@code 2 · layers · B · G · window · D} elements
     */
    public static SlotKvCache rolling(NDManager parent, Kernels kernels, int layers, Shape shape) {
        return new SlotKvCache(parent, kernels, layers, shape, true);
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
        return keyValues.length;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public Dtype dtype() {
        return dtype;
    }

    /** Returns the name of the kernels whose layout the cache has. */
    public String kernels() {
        return kernels;
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
     * @param tokens the number of tokens T of each row in this pass
     * @return the pass, to be closed by the same thread
     * @throws IllegalStateException if a full cache has too little room left, a failed pass has
     *     overwritten keys of a rolling cache, the cache is closed or another thread uses it
     */
    public Pass begin(int tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException("a pass has at least one token, not " + tokens);
        }
        acquire();
        try {
            checkRoom(tokens);
            return new Pass(tokens);
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
            for (int i = 0; i < keyValues.length; ++i) {
                KeyValues old = keyValues[i];
                keyValues[i] =
                        new KeyValues(
                                selected(old.keys(), rows),
                                selected(old.values(), rows),
                                old.capacity(),
                                old.rolling());
                old.keys().close();
                old.values().close();
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

        private final int tokens;
        private boolean ended;

        private Pass(int tokens) {
            this.tokens = tokens;
        }

        /**
         * Returns the keys and values of a layer, for the kernels to extend.
         *
         * @param index the index of the layer
         */
        public KeyValues layer(int index) {
            // several tokens may overwrite keys that the first of them attends to
            torn |= tokens > 1 && length > 0 && length + tokens > capacity;
            return keyValues[index];
        }

        /**
         * Returns the number of keys that the tokens of the pass could attend to: all in a full
         * cache; in a rolling one those of the window before the first token, and the pass's own.
         */
        public int keys() {
            int end = length + tokens;
            return rolling ? Math.min(end, capacity - 1 + tokens) : end;
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
