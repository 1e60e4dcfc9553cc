/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Progress;
import org.jspecify.annotations.Nullable;

/** Counts the bytes of a parallel download and reports them to a listener. Thread-safe. */
final class ByteProgress {

    /** Bytes between two reports: smooth for a progress bar, cheap for the download. */
    private static final long STEP = 256 << 10;

    private final @Nullable Progress listener;
    private long done;
    private long total;
    private long reported;

    ByteProgress(@Nullable Progress listener) {
        this.listener = listener;
    }

    /**
     * Reports the start.
     *
     * @param message what is downloaded
     * @param resumed number of bytes received by an earlier download
     * @param size total number of bytes
     */
    synchronized void start(String message, long resumed, long size) {
        done = resumed;
        reported = resumed;
        total = size;
        if (listener != null) {
            listener.reset(message, size);
            listener.start(resumed);
        }
    }

    /** Counts received bytes; a negative number, if bytes have to be downloaded again. */
    synchronized void add(long bytes, String file) {
        done += bytes;
        boolean isDue = Math.abs(done - reported) >= STEP || done == total;
        if (listener != null && isDue && done != reported) {
            reported = done;
            listener.update(done, file);
        }
    }

    synchronized void end() {
        if (listener != null) {
            listener.end();
        }
    }
}
