/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The threads of the server. */
final class Threads {

    /**
     * The first Java whose virtual threads do not hold their carrier thread while they block in a
     * synchronized method, as those of {@code jdk.httpserver}'s streams are. On Java 21 to 23 as
     * many slow clients as there are processors would stop the server.
     */
    private static final int VIRTUAL = 24;

    private static final int IDLE_SECONDS = 30;

    private Threads() {}

    static Thread daemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Returns threads for requests: virtual ones, or on older Javas a pool.
     *
     * @param most maximum threads of the pool; more requests wait for one
     */
    static ExecutorService forRequests(int most) {
        if (Runtime.version().feature() >= VIRTUAL) {
            try {
                return (ExecutorService)
                        Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
        AtomicInteger count = new AtomicInteger();
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(
                        most,
                        most,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> daemon("mistral-http-" + count.incrementAndGet(), task));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }
}
