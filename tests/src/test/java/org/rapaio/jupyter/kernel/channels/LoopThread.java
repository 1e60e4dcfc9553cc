/* SPDX-License-Identifier: Apache-2.0 */
package org.rapaio.jupyter.kernel.channels;

/**
 * Stands before the class of the same name in rapaio-jupyter-kernel 3.0.1. There {@code start()}
 * sets the flag that {@code run()} tests only after the thread was started: a thread that is faster
 * ends at once, and the kernel never answers.
 */
public final class LoopThread extends Thread {

    private final long sleepMillis;
    private final Runnable body;
    private volatile boolean running = true;

    public LoopThread(String name, long sleepMillis, Runnable body) {
        super(name);
        this.sleepMillis = sleepMillis;
        this.body = body;
    }

    @Override
    public void run() {
        while (running) {
            try {
                body.run();
            } catch (NullPointerException e) {
                // a request came before the kernel set its handlers: it is lost
            }
            try {
                sleep(sleepMillis);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    public void shutdown() {
        running = false;
    }
}
