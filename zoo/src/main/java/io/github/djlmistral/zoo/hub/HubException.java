/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when a model is not available from the Hub or its cache. The message is one line that
 * names the model or file, the problem and the remedy.
 */
public final class HubException extends IOException {

    private static final long serialVersionUID = 1;

    /** Limit for each part of the message, since servers may send long texts. */
    private static final int LONGEST = 1000;

    private final boolean absent;

    /**
     * Creates an exception with the message {@code what: problem. remedy.}
     *
     * @param what the model, file or address at fault
     * @param problem the problem, without a full stop: "there is no such repository"
     * @param remedy the remedy, a sentence without a full stop: "Check the spelling"
     */
    public HubException(String what, String problem, String remedy) {
        this(what, problem, remedy, null);
    }

    /**
     * Creates an exception with the message {@code what: problem. remedy.} and a cause.
     *
     * @param what the model, file or address at fault
     * @param problem the problem, without a full stop
     * @param remedy the remedy, a sentence without a full stop
     * @param cause the cause, or null
     */
    public HubException(String what, String problem, String remedy, @Nullable Throwable cause) {
        super(message(what, problem, remedy), cause);
        absent = false;
    }

    private HubException(String message, boolean absent) {
        super(message);
        this.absent = absent;
    }

    /** Creates an exception for a revision or file that an existing repository does not have. */
    static HubException absent(String what, String problem, String remedy) {
        return new HubException(message(what, problem, remedy), true);
    }

    /**
     * Returns whether the revision or file does not exist; a copy in the cache is then outdated.
     */
    boolean isAbsent() {
        return absent;
    }

    private static String message(String what, String problem, String remedy) {
        return Quote.oneLine(what, LONGEST)
                + ": "
                + Quote.oneLine(problem, LONGEST)
                + ". "
                + Quote.oneLine(remedy, LONGEST)
                + ".";
    }
}
