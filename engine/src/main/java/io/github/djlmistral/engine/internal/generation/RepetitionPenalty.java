/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.BitSet;

/**
 * Repetition penalty (Keskar et al. 2019, <a href="https://arxiv.org/abs/1909.05858">CTRL</a>):
 * divides positive and multiplies negative scores of the tokens that the sequence contains, once
 * for each distinct token; {@code RepetitionPenaltyLogitsProcessor} and {@code
 * EncoderRepetitionPenaltyLogitsProcessor} of the reference.
 */
final class RepetitionPenalty implements LogitsProcessor {

    private final float penalty;
    private final boolean promptOnly;

    private RepetitionPenalty(double penalty, boolean promptOnly) {
        this.penalty = (float) penalty;
        this.promptOnly = promptOnly;
    }

    /**
     * Makes a penalty of the tokens of prompt and generated text.
     *
     * @param penalty above 1 discourages repetition, below 1 encourages it
     */
    static RepetitionPenalty ofText(double penalty) {
        return new RepetitionPenalty(penalty, false);
    }

    /**
     * Makes a reward of the tokens of the prompt.
     *
     * @param reward above 1 encourages repetition, below 1 discourages it
     */
    static RepetitionPenalty ofPrompt(double reward) {
        return new RepetitionPenalty(1 / reward, true);
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        BitSet seen = new BitSet(scores.length);
        int length = promptOnly ? sequence.promptLength() : sequence.length();
        for (int i = 0; i < length; ++i) {
            int id = (int) sequence.id(i);
            if (!seen.get(id)) {
                seen.set(id);
                scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
            }
        }
    }
}
