/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.util.Progress;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs the progress of a download every 30 s. Used if the application does not set a progress
 * listener, since a download may take hours.
 */
final class LoggedProgress implements Progress {

    private static final Logger logger = LoggerFactory.getLogger(LoggedProgress.class);
    private static final Duration INTERVAL = Duration.ofSeconds(30);

    private final String name;
    private long total;
    private long done;
    private long logged;

    LoggedProgress(String name) {
        this.name = name;
    }

    @Override
    public void reset(String message, long max, @Nullable String trailingMessage) {
        total = max;
        done = 0;
        logged = System.nanoTime();
        logger.info("downloading {}: {}", name, gigabytes(max));
    }

    @Override
    public void start(long initialProgress) {
        done = initialProgress;
    }

    @Override
    public void end() {
        logger.info("downloaded {}", name);
    }

    @Override
    public void increment(long increment) {
        update(done + increment, null);
    }

    @Override
    public void update(long progress, @Nullable String message) {
        done = progress;
        if (System.nanoTime() - logged >= INTERVAL.toNanos()) {
            logged = System.nanoTime();
            logger.info("downloading {}: {} of {}", name, gigabytes(done), gigabytes(total));
        }
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes * 1e-9);
    }
}
