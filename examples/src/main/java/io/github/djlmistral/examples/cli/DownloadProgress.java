/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.util.Progress;
import io.github.djlmistral.zoo.hub.HubModel;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Progress of a download: a bar with rate and remaining time on a terminal, else a line at the
 * start and every 30 seconds.
 */
final class DownloadProgress implements Progress, AutoCloseable {

    private static final long PAUSE = Duration.ofSeconds(30).toNanos();

    private final Terminal terminal;
    private final HubModel model;
    private Terminal.@Nullable Progress bar;
    private long all;
    private long first;
    private long done;
    private long started;
    private long noted;

    DownloadProgress(Terminal terminal, HubModel model) {
        this.terminal = terminal;
        this.model = model;
    }

    /** Returns the number of bytes received from the network. */
    long fetched() {
        return done - first;
    }

    @Override
    public void reset(String message, long max, @Nullable String trailingMessage) {
        all = max;
        first = 0;
        done = 0;
        started = System.nanoTime();
        noted = started;
    }

    @Override
    public void start(long initialProgress) {
        first = initialProgress;
        done = initialProgress;
    }

    @Override
    public void increment(long increment) {
        update(done + increment, null);
    }

    @Override
    public void update(long progress, @Nullable String message) {
        if (bar == null) {
            // not before the first bytes, since the Hub may deny the download
            String there =
                    first == 0 ? "" : ", of which " + Units.bytes(first) + " are in the cache";
            terminal.note("downloading " + model + ", " + Units.bytes(all) + there);
            bar = terminal.download(first, all);
        }
        bar.stepBy(progress - done);
        done = progress;
        long now = System.nanoTime();
        if (!Terminal.isTerminal(2) && now - noted >= PAUSE) {
            noted = now;
            double rate = fetched() / ((now - started) * 1e-9);
            Duration left = Duration.ofSeconds((long) ((all - done) / Math.max(rate, 1)));
            terminal.note(
                    String.format(
                            Locale.ROOT,
                            "%s of %s, %s/s, %d:%02d:%02d left",
                            Units.bytes(done),
                            Units.bytes(all),
                            Units.bytes((long) rate),
                            left.toHours(),
                            left.toMinutesPart(),
                            left.toSecondsPart()));
        }
    }

    @Override
    public void end() {
        close();
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
