/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Forbids tokens that would repeat an n-gram; {@code NoRepeatNGramLogitsProcessor} and {@code
 * EncoderNoRepeatNGramLogitsProcessor} of the reference.
 *
 * <p>Example with bigrams: after {@code a b c a} the token b is forbidden.
 */
final class NoRepeatNGram implements LogitsProcessor {

    private final int size;
    private final boolean promptOnly;

    /**
     * Makes the processor.
     *
     * @param size length of the n-grams, at least 1
     * @param promptOnly whether the n-grams are those of the prompt, instead of the whole text
     */
    NoRepeatNGram(int size, boolean promptOnly) {
        this.size = size;
        this.promptOnly = promptOnly;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        int prefix = sequence.length() - (size - 1);
        int length = promptOnly ? sequence.promptLength() : sequence.length();
        for (int start = 0; prefix >= 0 && start + size <= length; ++start) {
            int matching = 0;
            while (matching < size - 1
                    && sequence.id(start + matching) == sequence.id(prefix + matching)) {
                ++matching;
            }
            if (matching == size - 1) {
                scores[(int) sequence.id(start + size - 1)] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
