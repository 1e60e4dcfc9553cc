/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.List;

/**
 * Forbids the end-of-sequence tokens until there are enough tokens; {@code
 * MinLengthLogitsProcessor} and {@code MinNewTokensLengthLogitsProcessor} of the reference. A text
 * that cannot go on under its constraint ends anyway.
 */
final class MinLength implements LogitsProcessor {

    private final int minLength;
    private final int minNewTokens;
    private final List<Integer> eosTokenIds;

    /**
     * Makes the processor.
     *
     * @param minLength least number of tokens of prompt and generated text
     * @param minNewTokens least number of generated tokens
     * @param eosTokenIds the end-of-sequence tokens; those outside the vocabulary have no effect
     */
    MinLength(int minLength, int minNewTokens, List<Integer> eosTokenIds) {
        this.minLength = minLength;
        this.minNewTokens = minNewTokens;
        this.eosTokenIds = eosTokenIds;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        if (sequence.length() < minLength || sequence.generatedLength() < minNewTokens) {
            Constraint constraint = sequence.constraint();
            if (constraint != null && constraint.mustEnd()) {
                return;
            }
            SuppressTokens.suppress(eosTokenIds, scores);
        }
    }
}
