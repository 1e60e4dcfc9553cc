/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import org.jspecify.annotations.Nullable;

/**
 * How preference records are truncated; names and defaults are those of trl's {@code DPOConfig}.
 *
 * @param maxLength the most tokens of a prompt with an answer, from which the end is cut; at least
 *     2
 * @param maxPromptLength the most tokens of a prompt, from which the beginning is cut; positive, or
 *     null for no limit, as in trl since version 1
 */
public record PreferenceOptions(int maxLength, @Nullable Integer maxPromptLength) {

    /** At most 1024 tokens. */
    public static final PreferenceOptions DEFAULT = new PreferenceOptions(1024, null);

    /** Checks the lengths. */
    public PreferenceOptions {
        if (maxLength < 2) {
            throw new IllegalArgumentException(
                    "max_length is " + maxLength + ", must be at least 2");
        }
        if (maxPromptLength != null && (maxPromptLength < 1 || maxPromptLength >= maxLength)) {
            throw new IllegalArgumentException(
                    "max_prompt_length is "
                            + maxPromptLength
                            + ", must be positive and less than max_length, "
                            + maxLength);
        }
    }
}
