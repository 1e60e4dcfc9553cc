/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Top-nσ (Tang et al. 2024, <a href="https://arxiv.org/abs/2411.07641">Top-nσ</a>): keeps the
 * tokens whose scores are at most n standard deviations of the scores below the highest; {@code
 * top-n-sigma} of llama.cpp. The temperature does not change which ones.
 */
final class TopNSigma implements LogitsProcessor {

    private final double n;

    /**
     * Makes the processor.
     *
     * @param n number of standard deviations, above 0
     */
    TopNSigma(double n) {
        this.n = n;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        int count = 0;
        double sum = 0;
        double best = Double.NEGATIVE_INFINITY;
        for (float score : scores) {
            if (score > Float.NEGATIVE_INFINITY) {
                ++count;
                sum += score;
                best = Math.max(best, score);
            }
        }
        double mean = sum / count;
        double squares = 0;
        for (float score : scores) {
            if (score > Float.NEGATIVE_INFINITY) {
                squares += (score - mean) * (score - mean);
            }
        }
        double threshold = best - n * Math.sqrt(squares / count);
        for (int i = 0; i < scores.length; ++i) {
            if (scores[i] < threshold) {
                scores[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
