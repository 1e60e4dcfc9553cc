/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Locale;

/**
 * How the number of draft tokens adapts; {@code num_assistant_tokens_schedule} of the reference.
 */
public enum AssistantTokensSchedule {
    /** It stays {@code num_assistant_tokens}. */
    CONSTANT,
    /**
     * 2 more after a step whose draft was accepted entirely, else 1 less; kept between requests.
     */
    HEURISTIC,
    /** As {@link #HEURISTIC}, starting again with each request. */
    HEURISTIC_TRANSIENT;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
