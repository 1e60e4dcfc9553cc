/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Memory for the KV caches of all requests. A request reserves what its caches need at their
 * longest, and waits until there is as much left: in the order of the priorities, then of arrival.
 * It does not wait for ever for requests that were opened and are no longer read.
 *
 * <p>Thread-safe, also for virtual threads.
 */
final class CacheBudget {

    private final long budget;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Ticket> queue = new LinkedHashSet<>();
    private final Set<Ticket> admitted = new LinkedHashSet<>();
    private final long patience;
    private long reserved;

    /** Number of requests that are waiting for a pass now, and when the last one did. */
    private int active;

    private long lastActive = System.nanoTime();

    /**
     * Creates a budget of which nothing is reserved.
     *
     * @param budget the memory in bytes
     * @param patience how long a request waits for others that compute nothing
     */
    CacheBudget(long budget, Duration patience) {
        this.budget = budget;
        this.patience = patience.toNanos();
    }

    /**
     * Makes a ticket that nothing is reserved for yet.
     *
     * @param bytes the memory of a request's caches at their longest
     * @param deadline until when the request may wait
     * @throws IllegalArgumentException if it is more than the whole budget
     */
    Ticket ticket(long bytes, Deadline deadline) {
        if (bytes > budget) {
            throw new IllegalArgumentException(
                    "the KV cache of this request may grow to "
                            + bytes
                            + " bytes, above max_cache_bytes of this model, "
                            + budget
                            + ": shorten the prompt, or lower max_new_tokens");
        }
        return new Ticket(bytes, deadline);
    }

    /** Returns the number of waiting requests. */
    int queued() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Ticket first() {
        Ticket first = null;
        for (Ticket ticket : queue) {
            if (first == null || ticket.priority > first.priority) {
                first = ticket;
            }
        }
        return first;
    }

    private void signalFirst() {
        Ticket first = first();
        if (first != null) {
            first.turn.signal();
        }
    }

    /** The memory of a request. */
    final class Ticket implements AutoCloseable {

        private final long bytes;
        private final Deadline deadline;
        private final Condition turn = lock.newCondition();
        private volatile int priority;

        private Ticket(long bytes, Deadline deadline) {
            this.bytes = bytes;
            this.deadline = deadline;
        }

        int priority() {
            return priority;
        }

        void priority(int value) {
            priority = value;
        }

        /**
         * Begins a pass: reserves the memory, unless that is done already. {@link #rest} must
         * follow if this returns true.
         *
         * @param stopped whether to give up, asked again after each {@link #wake}
         * @return false if it was given up, the thread was interrupted, or the deadline passed
         * @throws RejectedExecutionException if the others have computed nothing for too long
         */
        boolean enter(BooleanSupplier stopped) {
            lock.lock();
            try {
                if (!admitted.contains(this) && !admit(stopped)) {
                    return false;
                }
                ++active;
                return true;
            } finally {
                lock.unlock();
            }
        }

        private boolean admit(BooleanSupplier stopped) {
            queue.add(this);
            try {
                long since = System.nanoTime();
                while (first() != this || reserved > budget - bytes) {
                    if (stopped.getAsBoolean() || deadline.isOver()) {
                        return false;
                    }
                    long now = System.nanoTime();
                    long left = patience - (now - Math.max(since, active > 0 ? now : lastActive));
                    if (left <= 0) {
                        throw new RejectedExecutionException(
                                "max_cache_bytes, "
                                        + budget
                                        + ", leaves no room for the KV cache of this request beside"
                                        + " those of "
                                        + admitted.size()
                                        + " others, which nobody reads: read them to their end, or"
                                        + " close them");
                    }
                    long unused = turn.awaitNanos(Math.min(left, deadline.nanosLeft()));
                }
                reserved += bytes;
                return admitted.add(this);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            } finally {
                queue.remove(this);
                signalFirst();
            }
        }

        /** Ends a pass. */
        void rest() {
            lock.lock();
            try {
                --active;
                lastActive = System.nanoTime();
            } finally {
                lock.unlock();
            }
        }

        /** Makes a waiting thread check whether to give up. */
        void wake() {
            lock.lock();
            try {
                turn.signal();
            } finally {
                lock.unlock();
            }
        }

        /** Returns the memory to the others. */
        @Override
        public void close() {
            lock.lock();
            try {
                if (admitted.remove(this)) {
                    reserved -= bytes;
                    signalFirst();
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
