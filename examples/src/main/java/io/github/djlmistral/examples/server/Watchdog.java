/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Limits the time that a thread waits for a client, by interrupting it: an interrupt closes the
 * socket that the thread reads or writes. {@code jdk.httpserver} itself can limit the time of a
 * whole response only, which would end long answers to clients that read them eagerly, and it takes
 * all its limits from system properties, one value for all servers of a JVM.
 */
final class Watchdog implements AutoCloseable {

    private final ScheduledThreadPoolExecutor timer =
            new ScheduledThreadPoolExecutor(1, task -> Threads.daemon("mistral-watchdog", task));

    Watchdog() {
        timer.setRemoveOnCancelPolicy(true);
    }

    /** Limits the time until {@link Limit#close} for the current thread. */
    Limit limit(Duration time) {
        return new Limit(time);
    }

    /** A limit under way. */
    final class Limit implements AutoCloseable {

        private final Thread thread = Thread.currentThread();
        private final Future<?> alarm;
        private boolean ended;

        private Limit(Duration time) {
            alarm = timer.schedule(this::interrupt, time.toNanos(), TimeUnit.NANOSECONDS);
        }

        private synchronized void interrupt() {
            if (!ended) {
                thread.interrupt();
            }
        }

        /** Ends the limit; the thread is not interrupted afterwards. */
        @Override
        public synchronized void close() {
            ended = true;
            alarm.cancel(false);
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
