/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cache;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** KV cache of a sequence, in the layout of the kernels of its network. */
public final class SequenceCache implements KvCache {

    private final NDManager parent;
    private final Owner owner;
    private final OwnedManager owned;
    private final KeyValues keyValues;
    private final long version;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile boolean closed;

    /** The first {@code length()} ids; null once a pass was given embeddings. */
    private long @Nullable [] ids = new long[16];

    /** What a cache belongs to: a network. */
    public interface Owner {

        /** Returns the name of its kernels. */
        String kernels();

        /** Returns the type of keys and values. */
        Dtype dtype();

        /** Returns the number of keys that a token attends to; 0 for all. */
        int window();

        /** Returns a number that grows when the network is trained. */
        long version();

        /** Returns a hash that tells apart models with other weights. */
        String fingerprint();
    }

    private SequenceCache(
            NDManager parent, Owner owner, long version, Function<NDManager, KeyValues> keyValues) {
        this.parent = parent;
        this.version = version;
        this.owner = owner;
        owned = new OwnedManager(parent, "kv-cache");
        try {
            this.keyValues = keyValues.apply(owned.manager());
            owned.closeWithParent(this);
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    /**
     * Reads a cache from a file.
     *
     * @param file written by {@link #save}
     * @param parent as for {@link #create}
     * @param owner as for {@link #create}
     * @param keyValues as for {@link #create}
     * @return the cache
     * @throws IOException if the file cannot be read, or is not a saved cache
     * @throws IllegalArgumentException if it is one of another model, kernels or data type
     */
    public static SequenceCache read(
            Path file, NDManager parent, Owner owner, Function<NDManager, KeyValues> keyValues)
            throws IOException {
        SequenceCache cache = create(parent, owner, keyValues);
        try {
            cache.ids = SavedCache.read(file, owner, cache.keyValues);
            return cache;
        } catch (IOException | RuntimeException | Error e) {
            cache.close();
            throw e;
        }
    }

    /**
     * Creates an empty cache.
     *
     * @param parent the manager that closes the cache with itself
     * @param owner what it belongs to
     * @param keyValues creates the keys and values, given a manager for their arrays, see {@link
     *     Kernels#newKeyValues}
     * @return the cache
     */
    public static SequenceCache create(
            NDManager parent, Owner owner, Function<NDManager, KeyValues> keyValues) {
        return new SequenceCache(parent, owner, owner.version(), keyValues);
    }

    @Override
    public int length() {
        return keyValues.length();
    }

    @Override
    public long[] ids() {
        if (ids == null) {
            throw new IllegalStateException(
                    "the tokens of this cache have no ids: a pass was given embeddings");
        }
        return Arrays.copyOf(ids, length());
    }

    @Override
    public int dropped() {
        return keyValues.dropped();
    }

    @Override
    public boolean isCurrent() {
        return version == owner.version();
    }

    @Override
    public long bytes() {
        return keyValues.bytes();
    }

    @Override
    public Dtype dtype() {
        return owner.dtype();
    }

    @Override
    public Device device() {
        return owned.manager().getDevice();
    }

    /** Returns what the cache belongs to. */
    public Owner owner() {
        return owner;
    }

    /** Locks the cache for this thread, or throws. */
    private void acquire() {
        if (lock.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "the cache is in a pass already: each sequence of a pass needs its own");
        }
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
                keyValues.close();
                owned.close();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Begins a pass over the next tokens. The cache counts them only at {@link Pass#finish}, so a
     * failed pass can be repeated.
     *
     * @param tokens the number of tokens in this pass, at least 1
     * @param given their ids; null if they have none
     * @return the pass, to be closed by the same thread
     * @throws IllegalStateException if the cache is closed, or used by another thread or pass
     */
    public Pass begin(int tokens, long @Nullable [] given) {
        acquire();
        try {
            keyValues.reserve(tokens);
            return new Pass(tokens, given);
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    @Override
    public void crop(int tokens) {
        acquire();
        try {
            if (tokens < 0 || tokens > length()) {
                throw new IllegalArgumentException(
                        "cannot crop to " + tokens + " tokens: the cache has seen " + length());
            }
            int oldest = Math.max(0, tokens - owner.window() + 1);
            if (tokens < length() && oldest < dropped()) {
                throw new IllegalStateException(
                        "the cache has seen "
                                + length()
                                + " tokens and dropped the first "
                                + dropped()
                                + ", which the token after the first "
                                + tokens
                                + " would attend to: compute the sequence again");
            }
            keyValues.crop(tokens);
        } finally {
            release();
        }
    }

    @Override
    public SequenceCache fork() {
        acquire();
        try {
            SequenceCache copy = new SequenceCache(parent, owner, version, keyValues::fork);
            copy.ids = ids == null ? null : ids.clone();
            return copy;
        } finally {
            release();
        }
    }

    @Override
    public void save(Path file) throws IOException {
        acquire();
        try {
            SavedCache.write(file, owner, ids(), keyValues, owned.manager());
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

    /** The next tokens of the sequence in a pass. It locks the cache until it is closed. */
    public final class Pass implements AutoCloseable {

        private final int tokens;
        private final long @Nullable [] given;
        private boolean ended;

        private Pass(int tokens, long @Nullable [] given) {
            this.tokens = tokens;
            this.given = given;
        }

        /** Returns the keys and values, for the kernels to extend. */
        public KeyValues keyValues() {
            return keyValues;
        }

        /** Counts the tokens of the pass as seen. */
        public void finish() {
            int length = length();
            if (ids == null || given == null) {
                ids = null;
            } else {
                if (length + tokens > ids.length) {
                    ids = Arrays.copyOf(ids, Math.max(length + tokens, 2 * ids.length));
                }
                System.arraycopy(given, 0, ids, length, tokens);
            }
            keyValues.advance(tokens);
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
