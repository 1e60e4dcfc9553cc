/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An answer that takes time to compute. While nothing else is sent, something without meaning is:
 * white space before JSON, a comment in an event stream. {@code jdk.httpserver} tells that a client
 * has gone only when it writes to it, and a computation for nobody should end at its next token. A
 * look at the input would not do: clients may close their half of the connection and wait.
 *
 * <p>Headers are sent with the first of these bytes. An answer that is complete before has its own
 * status and length.
 */
final class LiveAnswer implements AutoCloseable {

    /** Sends the bytes without meaning. */
    static final class Heartbeat implements AutoCloseable {

        private static final Duration TICK = Duration.ofMillis(50);

        private final Set<LiveAnswer> answers = ConcurrentHashMap.newKeySet();

        // not that of the watchdog, which ends writes that hang, those of this thread included
        private final ScheduledThreadPoolExecutor timer =
                new ScheduledThreadPoolExecutor(
                        1, task -> Threads.daemon("mistral-heartbeat", task));

        Heartbeat() {
            var unused =
                    timer.scheduleWithFixedDelay(
                            () -> answers.forEach(LiveAnswer::beat),
                            TICK.toNanos(),
                            TICK.toNanos(),
                            TimeUnit.NANOSECONDS);
        }

        @Override
        public void close() {
            timer.shutdownNow();
        }
    }

    private final Call call;
    private final Heartbeat heartbeat;
    private final String type;
    private final byte[] filler;
    private final long interval;
    private final ReentrantLock lock = new ReentrantLock();
    private long lastWrite = System.nanoTime();
    private boolean gone;
    private boolean closed;

    LiveAnswer(Call call, Heartbeat heartbeat, String type, byte[] filler, Duration interval) {
        this.call = call;
        this.heartbeat = heartbeat;
        this.type = type;
        this.filler = filler;
        this.interval = interval.toNanos();
        heartbeat.answers.add(this);
    }

    /** Sends a part of the body at once. */
    void write(byte[] bytes) throws IOException {
        lock.lock();
        try {
            if (call.status() == 0) {
                call.responseHeaders().set("Content-Type", type);
                call.begin(200, 0);
            }
            call.write(bytes);
            lastWrite = System.nanoTime();
        } finally {
            lock.unlock();
        }
    }

    private void beat() {
        if (!lock.tryLock()) {
            return; // something is being sent
        }
        try {
            if (!closed && !gone && System.nanoTime() - lastWrite >= interval) {
                write(filler);
            }
        } catch (IOException | RuntimeException e) {
            gone = true;
            call.cancel();
        } finally {
            boolean unused = Thread.interrupted(); // by the watchdog
            lock.unlock();
        }
    }

    /** Ends the heartbeat: nothing is sent by it afterwards. */
    @Override
    public void close() {
        heartbeat.answers.remove(this);
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
    }
}
