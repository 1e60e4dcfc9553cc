/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * Runs an action once something was not used for a while. At most one check is pending, in the
 * timer that the JDK has for all {@link CompletableFuture}s; none is after the action, until the
 * next use. Thread-safe.
 */
public final class IdleTimer {

    private final long idle;
    private final Runnable action;
    private final LongSupplier clock;
    private final Delay delay;
    private final ReentrantLock lock = new ReentrantLock();
    private long lastUse;
    private boolean pending;

    /** Runs an action later. */
    @FunctionalInterface
    public interface Delay {

        /**
         * Runs an action after a number of nanoseconds, on another thread.
         *
         * @param nanos the delay
         * @param action the action
         */
        void run(long nanos, Runnable action);
    }

    /**
     * Creates a timer that is not running.
     *
     * @param idle how long nothing was used; zero for a timer that never runs the action
     * @param action runs on a thread of the common pool; should check {@link #isIdle} where a use
     *     may come in between
     */
    public IdleTimer(Duration idle, Runnable action) {
        this(
                idle,
                action,
                System::nanoTime,
                (nanos, check) ->
                        CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS)
                                .execute(check));
    }

    /**
     * As above.
     *
     * @param clock returns the time in nanoseconds
     * @param delay runs the checks
     */
    public IdleTimer(Duration idle, Runnable action, LongSupplier clock, Delay delay) {
        this.idle = idle.toNanos();
        this.action = action;
        this.clock = clock;
        this.delay = delay;
    }

    /** Notes a use now. */
    public void use() {
        if (idle == 0) {
            return;
        }
        lock.lock();
        try {
            lastUse = clock.getAsLong();
            if (!pending) {
                pending = true;
                delay.run(idle, this::check);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns whether the last use was long ago. */
    public boolean isIdle() {
        return left() <= 0;
    }

    private long left() {
        lock.lock();
        try {
            return idle - (clock.getAsLong() - lastUse);
        } finally {
            lock.unlock();
        }
    }

    private void check() {
        lock.lock();
        try {
            long left = left();
            if (left > 0) {
                delay.run(left, this::check);
                return;
            }
            pending = false;
        } finally {
            lock.unlock();
        }
        action.run();
    }
}
