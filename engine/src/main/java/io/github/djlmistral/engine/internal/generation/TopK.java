/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.PriorityQueue;

/**
 * Keeps the k highest scores, and all that are equal to the k-th; {@code TopKLogitsWarper} of the
 * reference.
 */
final class TopK implements LogitsProcessor {

    private final int k;

    /**
     * Makes the processor.
     *
     * @param k number of tokens to keep
     * @param minTokensToKeep minimum of k
     */
    TopK(int k, int minTokensToKeep) {
        this.k = Math.max(k, minTokensToKeep);
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        if (k >= scores.length) {
            return;
        }
        PriorityQueue<Float> highest = new PriorityQueue<>();
        float threshold = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            if (highest.size() < k || score > threshold) {
                highest.add(score);
                if (highest.size() > k) {
                    highest.remove();
                }
                threshold = highest.element();
            }
        }
        for (int i = 0; i < scores.length; ++i) {
            if (scores[i] < threshold) {
                scores[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
