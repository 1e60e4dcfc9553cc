/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Min-p (Nguyen et al. 2024, <a href="https://arxiv.org/abs/2407.01082">Turning Up the Heat</a>):
 * keeps the tokens that are at least p times as likely as the most likely one; {@code
 * MinPLogitsWarper} of the reference.
 */
final class MinP implements LogitsProcessor {

    private final double p;
    private final int minTokensToKeep;

    /**
     * Makes the processor.
     *
     * @param p above 0 and at most 1
     * @param minTokensToKeep number of tokens to keep at least
     */
    MinP(double p, int minTokensToKeep) {
        this.p = p;
        this.minTokensToKeep = minTokensToKeep;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Candidates candidates = new Candidates(scores);
        if (candidates.size() > 0) {
            // equal scores have equal probabilities, in float32 nearly equal ones, too
            candidates.forbidBelow(
                    p * candidates.probability(0) * (1 - 1e-7), minTokensToKeep, scores);
        }
    }
}
