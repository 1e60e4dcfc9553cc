/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * How often one thing is tried. The pauses double, from a first one on: of 1 s the six tries are
 * spread over half a minute. Whatever gets further, by a byte, starts anew.
 */
final class Patience {

    /** Tries without any progress. */
    static final int TRIES = 6;

    private static final Logger LOGGER = LoggerFactory.getLogger(Patience.class);
    private static final Duration LONGEST_ASKED = Duration.ofMinutes(5);

    private final Duration backOff;
    private final int tries;
    private int failures;

    Patience(Duration backOff, int tries) {
        this.backOff = backOff;
        this.tries = tries;
    }

    /** Something came: it is the first failure again. */
    void renew() {
        failures = 0;
    }

    /**
     * Waits after a failure.
     *
     * @throws HubException instead, if trying again will not help, or has not
     * @throws IOException if the thread is interrupted
     */
    void waitAfter(Fault fault) throws IOException {
        failures++;
        if (!fault.passes() || failures >= tries || fault.pause().compareTo(LONGEST_ASKED) > 0) {
            throw fault.error();
        }
        // so that connections that broke together do not come back together
        double spread = 0.75 + ThreadLocalRandom.current().nextDouble() / 2;
        long pause = (long) (backOff.toNanos() * spread * (1L << (failures - 1)));
        long nanos = Math.max(pause, fault.pause().toNanos());
        // a cut connection that goes on is nothing to tell
        LOGGER.atLevel(failures > 1 ? Level.INFO : Level.DEBUG)
                .log("Again in {} ms: {}", nanos / 1_000_000, fault.error().getMessage());
        try {
            Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException e) {
            throw HubHttp.interrupted();
        }
    }
}
