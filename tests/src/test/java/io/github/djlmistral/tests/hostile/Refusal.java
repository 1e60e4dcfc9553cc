/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import ai.djl.MalformedModelException;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.util.regex.Pattern;
import org.assertj.core.api.AbstractStringAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;

/** How a reader must refuse a hostile file: by a sentence for the user, within bounded memory. */
public final class Refusal {

    /** Limit of bytes that a thread may allocate for one file, garbage included. */
    static final long MOST_ALLOCATED = 256L << 20;

    private static final String PROJECT = "io.github.djlmistral.";

    /** Messages of the JDK and of Gson, which do not help a user. */
    private static final Pattern INTERNALS =
            Pattern.compile(
                    "Cannot (invoke|read|load|store)|out of bounds|cannot be cast|For input string"
                            + "|com\\.google\\.gson|java\\.(lang|util|nio)\\.|Input length"
                            + "|(integer|long|BigInteger|int) overflow|Expected [A-Z_]+ but was"
                            + "|Capacity exceeded|Not a JSON|NULL_VALUE|Rounding necessary|^null$");

    private Refusal() {}

    /** Asserts that the call is rejected, and returns its message for further assertions. */
    public static AbstractStringAssert<?> of(ThrowingCallable call) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Throwable thrown = catchThrowable(call);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(thrown).as("refusal").isNotNull();
        assertThat(fault(thrown)).as("%s", thrown).isNull();
        assertThat(allocated).as("allocated bytes").isLessThan(MOST_ALLOCATED);
        return assertThat(thrown.getMessage());
    }

    /** Why an exception is not an acceptable answer to a hostile file; null if it is. */
    static @Nullable String fault(Throwable thrown) {
        boolean ours =
                thrown instanceof IOException
                        || thrown instanceof UncheckedIOException
                        || thrown instanceof MalformedModelException
                        || thrown.getClass() == IllegalArgumentException.class
                        || (thrown instanceof RuntimeException
                                && thrown.getClass().getName().startsWith(PROJECT));
        String message = String.valueOf(thrown.getMessage());
        if (!ours) {
            return "it is a " + thrown.getClass().getName();
        }
        if (INTERNALS.matcher(message).find()) {
            return "its message is the JDK's: " + message;
        }
        if (message.length() > 2000 || message.chars().anyMatch(Character::isISOControl)) {
            return "its message is not one short line";
        }
        return null;
    }
}
