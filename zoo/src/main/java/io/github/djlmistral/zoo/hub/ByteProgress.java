/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Progress;
import org.jspecify.annotations.Nullable;

/** Counts the bytes of a parallel download and reports them to a listener. Thread-safe. */
final class ByteProgress {

    /** Often enough for a bar that runs smoothly, seldom enough to cost nothing. */
    private static final long STEP = 256 << 10;

    private final @Nullable Progress listener;
    private long done;
    private long total;
    private long told;

    ByteProgress(@Nullable Progress listener) {
        this.listener = listener;
    }

    /**
     * Begins.
     *
     * @param message what is downloaded
     * @param there how many bytes an earlier download has left
     * @param all how many there will be
     */
    synchronized void start(String message, long there, long all) {
        done = there;
        told = there;
        total = all;
        if (listener != null) {
            listener.reset(message, all);
            listener.start(there);
        }
    }

    /** More bytes are there; fewer, if some have to be fetched again. */
    synchronized void add(long bytes, String file) {
        done += bytes;
        if (listener != null && (Math.abs(done - told) >= STEP || done == total) && done != told) {
            told = done;
            listener.update(done, file);
        }
    }

    synchronized void end() {
        if (listener != null) {
            listener.end();
        }
    }
}
