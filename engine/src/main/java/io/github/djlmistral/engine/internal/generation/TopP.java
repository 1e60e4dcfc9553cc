/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Top-p, nucleus sampling (Holtzman et al. 2019, <a href="https://arxiv.org/abs/1904.09751">The
 * Curious Case of Neural Text Degeneration</a>): keeps the smallest set of most likely tokens whose
 * probabilities add up to p; {@code TopPLogitsWarper} of the reference.
 */
final class TopP implements LogitsProcessor {

    private final double p;
    private final int minTokensToKeep;

    /**
     * Makes the processor.
     *
     * @param p above 0 and below 1
     * @param minTokensToKeep number of tokens to keep at least
     */
    TopP(double p, int minTokensToKeep) {
        this.p = p;
        this.minTokensToKeep = minTokensToKeep;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Candidates candidates = new Candidates(scores);
        int rank = 0;
        double cumulative = 0;
        // probabilities that add up to p in float32 are enough
        while (rank < candidates.size() && cumulative < p * (1 - 1e-7)) {
            cumulative += candidates.probability(rank++);
        }
        candidates.forbidFrom(Math.max(rank, minTokensToKeep), scores);
    }
}
