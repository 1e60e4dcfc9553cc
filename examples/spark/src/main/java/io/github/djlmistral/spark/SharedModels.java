/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The models of a JVM: tasks with equal keys share one. It is loaded by the first task, while
 * others wait for it, and closed when it has been idle for some time. Thread-safe.
 *
 * @param <K> what identifies a model
 * @param <M> the models
 */
final class SharedModels<K, M extends AutoCloseable> {

    private final Function<K, M> loader;
    private final Duration idleTime;
    private final BiConsumer<Runnable, Duration> timer;
    private final Map<K, Entry> entries = new HashMap<>();
    private int loads;

    /** A model; fields but the model are guarded by the map. */
    private final class Entry {

        private final ReentrantLock loading = new ReentrantLock();
        private @Nullable M model;
        private int leases;

        /** Number of leases so far: a timer that sees another number is outdated. */
        private long uses;
    }

    /** A model in use; closed by its task, once. */
    final class Lease implements AutoCloseable {

        private final K key;
        private final Entry entry;
        private boolean open = true;

        private Lease(K key, Entry entry) {
            this.key = key;
            this.entry = entry;
        }

        M model() {
            return Objects.requireNonNull(entry.model);
        }

        @Override
        public void close() {
            synchronized (entries) {
                if (open) {
                    open = false;
                    release(key, entry);
                }
            }
        }
    }

    /**
     * Creates an empty cache.
     *
     * @param loader loads a model
     * @param idleTime how long a model stays loaded without tasks
     * @param timer runs a task after a delay
     */
    SharedModels(Function<K, M> loader, Duration idleTime, BiConsumer<Runnable, Duration> timer) {
        this.loader = loader;
        this.idleTime = idleTime;
        this.timer = timer;
    }

    /** Returns how many models were loaded so far. */
    int loads() {
        synchronized (entries) {
            return loads;
        }
    }

    /**
     * Returns a model. If loading fails, the caller gets the exception, and whoever waited tries
     * again.
     *
     * @throws InterruptedException if the thread is interrupted while another one loads the model
     */
    Lease lease(K key) throws InterruptedException {
        Lease lease;
        synchronized (entries) {
            Entry entry = entries.computeIfAbsent(key, absent -> new Entry());
            ++entry.leases;
            ++entry.uses;
            lease = new Lease(key, entry);
        }
        try {
            load(lease);
            return lease;
        } catch (InterruptedException | RuntimeException | Error e) {
            lease.close();
            throw e;
        }
    }

    private void load(Lease lease) throws InterruptedException {
        Entry entry = lease.entry;
        entry.loading.lockInterruptibly();
        try {
            if (entry.model == null) {
                entry.model = loader.apply(lease.key);
                synchronized (entries) {
                    ++loads;
                }
            }
        } finally {
            entry.loading.unlock();
        }
    }

    private void release(K key, Entry entry) {
        if (--entry.leases > 0) {
            return;
        }
        if (entry.model == null) {
            entries.remove(key);
            return;
        }
        long uses = entry.uses;
        timer.accept(() -> closeIdle(key, entry, uses), idleTime);
    }

    private void closeIdle(K key, Entry entry, long uses) {
        M model;
        synchronized (entries) {
            if (entry.uses != uses || entry.leases > 0) {
                return;
            }
            entries.remove(key);
            model = Objects.requireNonNull(entry.model);
        }
        try {
            model.close();
        } catch (Exception e) {
            throw new IllegalStateException(key + " could not be closed: " + e.getMessage(), e);
        }
    }
}
