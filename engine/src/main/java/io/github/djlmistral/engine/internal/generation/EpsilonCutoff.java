/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Epsilon sampling (Hewitt et al. 2022, <a href="https://arxiv.org/abs/2210.15191">Truncation
 * Sampling as Language Model Desmoothing</a>): keeps the tokens with at least a probability; {@code
 * EpsilonLogitsWarper} of the reference.
 */
final class EpsilonCutoff implements LogitsProcessor {

    private final double epsilon;
    private final int minTokensToKeep;

    /**
     * Makes the processor.
     *
     * @param epsilon the probability, above 0 and below 1
     * @param minTokensToKeep number of tokens to keep at least
     */
    EpsilonCutoff(double epsilon, int minTokensToKeep) {
        this.epsilon = epsilon;
        this.minTokensToKeep = minTokensToKeep;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        new Candidates(scores).forbidBelow(epsilon, minTokensToKeep, scores);
    }
}
