/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Retries with exponential backoff and jitter: with an initial delay of 1 s the six attempts are
 * spread over half a minute. Progress of a single byte resets the count.
 */
final class RetryPolicy {

    /** Maximum number of attempts without progress. */
    static final int TRIES = 6;

    private static final Logger LOGGER = LoggerFactory.getLogger(RetryPolicy.class);
    private static final Duration LONGEST_ASKED = Duration.ofMinutes(5);

    private final Duration backOff;
    private final int tries;
    private int failures;

    RetryPolicy(Duration backOff, int tries) {
        this.backOff = backOff;
        this.tries = tries;
    }

    /** Counts failures from zero again, after progress. */
    void reset() {
        failures = 0;
    }

    /**
     * Waits before the next attempt.
     *
     * @throws HubException if the failure is permanent or the attempts are used up
     * @throws IOException if the thread is interrupted
     */
    void waitAfter(RequestFailure failure) throws IOException {
        failures++;
        if (!failure.isTransient()
                || failures >= tries
                || failure.pause().compareTo(LONGEST_ASKED) > 0) {
            throw failure.error();
        }
        // jitter, so that connections that broke together do not reconnect together
        double spread = 0.75 + ThreadLocalRandom.current().nextDouble() / 2;
        long pause = (long) (backOff.toNanos() * spread * (1L << (failures - 1)));
        long nanos = Math.max(pause, failure.pause().toNanos());
        // a single failure is common and not worth a line in the log
        LOGGER.atLevel(failures > 1 ? Level.INFO : Level.DEBUG)
                .log("Retrying in {} ms: {}", nanos / 1_000_000, failure.error().getMessage());
        try {
            Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException e) {
            throw HubHttp.interrupted();
        }
    }
}
