/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** A time limit that begins when it is created. Thread-safe. */
public final class Deadline {

    /** A limit that is never reached. */
    public static final Deadline NONE = new Deadline(null, System::nanoTime);

    private final LongSupplier clock;
    private final long begin;
    private final double nanos;

    /**
     * Creates a limit.
     *
     * @param seconds the limit in seconds; null for none
     * @param clock returns the time in nanoseconds
     */
    public Deadline(@Nullable Double seconds, LongSupplier clock) {
        this.clock = clock;
        begin = clock.getAsLong();
        nanos = seconds == null ? Double.POSITIVE_INFINITY : seconds * 1e9;
    }

    /** Returns whether more time than the limit has passed. */
    public boolean isOver() {
        return clock.getAsLong() - begin > nanos;
    }

    /** Returns how long to wait until {@link #isOver}, at least a nanosecond. */
    long nanosLeft() {
        // the cast rounds down, and limits what is too large
        double left = nanos - (clock.getAsLong() - begin);
        return Math.max(1, (long) Math.min(left + 1, (double) (Long.MAX_VALUE >> 1)));
    }
}
