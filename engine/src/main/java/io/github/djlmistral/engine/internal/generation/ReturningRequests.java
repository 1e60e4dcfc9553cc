/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.function.BooleanSupplier;

/**
 * The requests that were just served, whose threads come back for their next token after a moment.
 *
 * <p>The leader of a {@link Scheduler} waits for them, because a pass for all costs little more
 * than a pass for one: at most {@link #PATIENCE} of the time of the last pass, and only for
 * requests that came back in this time before.
 *
 * <p>All methods are called with the scheduler's lock.
 */
final class ReturningRequests {

    private static final double PATIENCE = 0.25;
    private static final long LEAST_PATIENCE_NANOS = 100_000;
    private static final long MOST_PATIENCE_NANOS = 100_000_000;

    /** Signalled to a leader that waits. */
    private final Condition arrival;

    private final Set<Scheduler.Request> expected = new HashSet<>();
    private long patience = LEAST_PATIENCE_NANOS;
    private long lastPassEnd;

    ReturningRequests(Lock lock) {
        arrival = lock.newCondition();
    }

    /** Returns whether a request that was served at this time comes back too late to wait for. */
    boolean isSlow(long servedAt) {
        return System.nanoTime() - servedAt > patience;
    }

    /** Begins to wait after a pass. */
    void passed(long start, long end) {
        lastPassEnd = end;
        patience =
                Math.min(
                        Math.max((long) (PATIENCE * (end - start)), LEAST_PATIENCE_NANOS),
                        MOST_PATIENCE_NANOS);
    }

    /** Expects a request that was served. */
    void expect(Scheduler.Request request) {
        expected.add(request);
    }

    /** Tells that a request has come back, or will not. */
    void remove(Scheduler.Request request) {
        if (expected.remove(request) && expected.isEmpty()) {
            arrival.signal();
        }
    }

    /**
     * Waits until all have come back, or the time is over.
     *
     * @param enough whether to wait no longer, asked again after each {@link #wake}
     */
    void await(BooleanSupplier enough) {
        while (!expected.isEmpty() && !enough.getAsBoolean()) {
            long left = lastPassEnd + patience - System.nanoTime();
            if (left <= 0) {
                expected.clear();
                return;
            }
            try {
                long unused = arrival.awaitNanos(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Makes a leader that waits ask whether it is enough. */
    void wake() {
        arrival.signal();
    }
}
