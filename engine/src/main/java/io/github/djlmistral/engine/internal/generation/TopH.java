/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Top-H decoding (<a href="https://arxiv.org/abs/2509.02510">NeurIPS 2025</a>): of the 100 most
 * likely tokens, keeps the first ones whose terms {@code -p log p} add up to at most a share of the
 * entropy; {@code TopHLogitsWarper} of the reference.
 */
final class TopH implements LogitsProcessor {

    private static final int TOP_N = 100;

    private final double share;

    /**
     * Makes the processor.
     *
     * @param share of the entropy, above 0 and at most 1
     */
    TopH(double share) {
        this.share = share;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Candidates candidates = new Candidates(scores);
        int size = Math.min(TOP_N, candidates.size());
        double mass = 0;
        for (int i = 0; i < size; ++i) {
            mass += candidates.probability(i);
        }
        double[] terms = new double[size];
        double entropy = 0;
        for (int i = 0; i < size; ++i) {
            // as in the reference, where the term of a near certainty is 0
            float p = (float) (candidates.probability(i) / mass);
            terms[i] = p > 0 ? -p * Math.log(p) : Double.POSITIVE_INFINITY;
            entropy += p > 0 ? terms[i] : 0;
        }
        int keep = 0;
        double cumulative = 0;
        // so that a share of 1 keeps all
        double threshold = entropy * share * (1 + 1e-6);
        while (keep < size && cumulative + terms[keep] <= threshold) {
            cumulative += terms[keep++];
        }
        candidates.forbidFrom(Math.max(keep, 1), scores);
    }
}
