/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A model is neither available from the Hub nor in its cache. The message names what was asked for,
 * what is wrong, and what to do about it, so that it helps a user who only sees this one line.
 */
public final class HubException extends IOException {

    private static final long serialVersionUID = 1;

    /** Of each part: what a server says could fill pages. */
    private static final int LONGEST = 1000;

    private final boolean absent;

    /**
     * Creates an exception whose message is made of what, problem and remedy.
     *
     * @param what the model, file or address at fault
     * @param problem what is wrong with it, without a full stop: "there is no such repository"
     * @param remedy what to do, one sentence without a full stop: "Check the spelling"
     */
    public HubException(String what, String problem, String remedy) {
        this(what, problem, remedy, null);
    }

    /**
     * The same, of an error that came from below.
     *
     * @param what the model, file or address at fault
     * @param problem what is wrong with it, without a full stop
     * @param remedy what to do, one sentence without a full stop
     * @param cause the error below, or null
     */
    public HubException(String what, String problem, String remedy, @Nullable Throwable cause) {
        super(message(what, problem, remedy), cause);
        absent = false;
    }

    private HubException(String message, boolean absent) {
        super(message);
        this.absent = absent;
    }

    /** The Hub knows the repository, but says that it has no such revision or file. */
    static HubException absent(String what, String problem, String remedy) {
        return new HubException(message(what, problem, remedy), true);
    }

    /** Whether it is such an error: then an older copy in the cache is not what is meant. */
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
