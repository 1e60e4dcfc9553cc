/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.ExponentialDecay;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.List;
import java.util.Set;

/**
 * Raises the scores of the end-of-sequence tokens: with n tokens after the start index by {@code
 * |score| * (factor ^ n - 1)}; {@code ExponentialDecayLengthPenalty} of the reference.
 */
final class ExponentialDecayLengthPenalty implements LogitsProcessor {

    private final ExponentialDecay decay;
    private final List<Integer> eosTokenIds;

    /**
     * Makes the processor.
     *
     * @param decay start index and factor
     * @param eosTokenIds the end-of-sequence tokens; those outside the vocabulary have no effect
     */
    ExponentialDecayLengthPenalty(ExponentialDecay decay, List<Integer> eosTokenIds) {
        this.decay = decay;
        this.eosTokenIds = eosTokenIds;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        int tokens = sequence.generatedLength() - decay.startIndex();
        if (tokens <= 0) {
            return;
        }
        float factor = (float) (Math.pow(decay.factor(), tokens) - 1);
        for (int id : Set.copyOf(eosTokenIds)) {
            // a forbidden token stays so, where the reference has NaN
            if (id >= 0 && id < scores.length && scores[id] > Float.NEGATIVE_INFINITY) {
                scores[id] += Math.abs(scores[id]) * factor;
            }
        }
    }
}
