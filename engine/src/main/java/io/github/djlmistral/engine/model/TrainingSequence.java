/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

/**
 * Tokens and their labels, as data collators of transformers give them.
 *
 * @param ids token ids
 * @param labels for each token its own id, which is predicted from the tokens before it, or -100 if
 *     it does not count; the first never counts. For a head on every token, the class of each
 *     token, or -100; for a head on the last token they have no effect.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record TrainingSequence(long[] ids, long[] labels) {

    /** The label of a token that does not count. */
    public static final long IGNORED = -100;

    /** Returns how many tokens count in a causal language model. */
    public int counted() {
        int counted = 0;
        for (int i = 1; i < labels.length; i++) {
            counted += labels[i] == IGNORED ? 0 : 1;
        }
        return counted;
    }
}
