/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

/**
 * How records of supervised fine-tuning become sequences; names and defaults are those of trl's
 * {@code SFTConfig}. Immutable; the methods return changed copies.
 *
 * @param maxLength the most tokens of a sequence, from which the end is cut; at least 2
 * @param completionOnlyLoss whether only the completion counts in records of prompt and completion
 * @param assistantOnlyLoss whether only the messages of the assistant count in records of messages
 */
public record SftOptions(int maxLength, boolean completionOnlyLoss, boolean assistantOnlyLoss) {

    /** At most 1024 tokens; completions count, and all tokens of messages. */
    public static final SftOptions DEFAULT = new SftOptions(1024, true, false);

    /** Checks the length. */
    public SftOptions {
        if (maxLength < 2) {
            throw new IllegalArgumentException(
                    "max_length is " + maxLength + ", must be at least 2");
        }
    }

    /**
     * Returns a copy with another length.
     *
     * @param value the most tokens of a sequence, at least 2
     * @return the copy
     */
    public SftOptions withMaxLength(int value) {
        return new SftOptions(value, completionOnlyLoss, assistantOnlyLoss);
    }

    /**
     * Returns a copy that counts other tokens of prompts and completions.
     *
     * @param value false if the prompt counts as well
     * @return the copy
     */
    public SftOptions withCompletionOnlyLoss(boolean value) {
        return new SftOptions(maxLength, value, assistantOnlyLoss);
    }

    /**
     * Returns a copy that counts other tokens of messages.
     *
     * @param value true if only the messages of the assistant count
     * @return the copy
     */
    public SftOptions withAssistantOnlyLoss(boolean value) {
        return new SftOptions(maxLength, completionOnlyLoss, value);
    }
}
