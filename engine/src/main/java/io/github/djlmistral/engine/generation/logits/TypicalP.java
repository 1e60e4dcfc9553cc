/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation.logits;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Locally typical sampling (Meister et al. 2022, <a href="https://arxiv.org/abs/2202.00666">Locally
 * Typical Sampling</a>): keeps the tokens whose surprise is closest to the entropy until their
 * probabilities add up to p; {@code TypicalLogitsWarper} of the reference.
 */
final class TypicalP implements LogitsProcessor {

    private final double p;
    private final int minTokensToKeep;

    /**
     * Makes the processor.
     *
     * @param p above 0 and below 1
     * @param minTokensToKeep number of tokens to keep at least
     */
    TypicalP(double p, int minTokensToKeep) {
        this.p = p;
        this.minTokensToKeep = minTokensToKeep;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Candidates candidates = Candidates.of(scores);
        double entropy = candidates.entropy();
        Integer[] ranks = new Integer[candidates.size()];
        double[] distances = new double[ranks.length];
        for (int i = 0; i < ranks.length; ++i) {
            ranks[i] = i;
            distances[i] = Math.abs(-Math.log(candidates.probability(i)) - entropy);
        }
        Arrays.sort(ranks, Comparator.comparingDouble(rank -> distances[rank]));
        int last = 0;
        double cumulative = 0;
        while (last < ranks.length - 1) {
            cumulative += candidates.probability(ranks[last]);
            if (cumulative >= p) {
                break;
            }
            ++last;
        }
        for (int i = minTokensToKeep; i < ranks.length; ++i) {
            if (distances[ranks[i]] > distances[ranks[last]]) {
                scores[candidates.id(ranks[i])] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
