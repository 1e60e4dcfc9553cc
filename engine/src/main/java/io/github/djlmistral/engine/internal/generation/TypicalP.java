/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.Arrays;

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
        Candidates candidates = new Candidates(scores);
        long[] byDistance = new long[candidates.size()];
        int size = 0;
        for (int id = 0; id < scores.length; ++id) {
            if (scores[id] > Float.NEGATIVE_INFINITY) {
                double surprise = -Math.log(candidates.probabilityOf(id));
                float distance = (float) Math.abs(surprise - candidates.entropy());
                // the bits of floats of at least 0 are ordered as they are
                byDistance[size++] = ((long) Float.floatToIntBits(distance) << 32) | id;
            }
        }
        Arrays.sort(byDistance);
        int last = 0;
        double cumulative = 0;
        while (last < size - 1) {
            cumulative += candidates.probabilityOf((int) byDistance[last]);
            if (cumulative >= p) {
                break;
            }
            ++last;
        }
        for (int i = minTokensToKeep; i < size; ++i) {
            if (byDistance[i] >>> 32 > byDistance[last] >>> 32) {
                scores[(int) byDistance[i]] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
