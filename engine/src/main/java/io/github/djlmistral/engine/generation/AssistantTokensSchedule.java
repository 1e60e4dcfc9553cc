/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Locale;

/**
 * How the number of draft tokens adapts; {@code num_assistant_tokens_schedule} of the reference.
 */
public enum AssistantTokensSchedule {
    /** The most expected tokens per second, by the measured acceptance and the measured times. */
    ADAPTIVE,
    /** The maximum: {@code num_assistant_tokens} or {@code prompt_lookup_num_tokens}. */
    CONSTANT,
    /**
     * From the maximum, 1 less after a draft that was not accepted entirely, otherwise 2 more. Each
     * request starts again, since others run at the same time.
     */
    HEURISTIC,
    /** The same as {@link #HEURISTIC}. */
    HEURISTIC_TRANSIENT;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
