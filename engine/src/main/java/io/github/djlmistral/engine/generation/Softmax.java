/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/** Probabilities of tokens: the softmax of scores, which are not copied. */
final class Softmax {

    private final float[] scores;
    private final float max;
    private final double total;

    /**
     * Makes the softmax.
     *
     * @param scores the scores, with a finite maximum
     */
    Softmax(float[] scores) {
        this.scores = scores;
        max = Sampler.max(scores);
        double sum = 0;
        for (float score : scores) {
            sum += Math.exp(score - max);
        }
        total = sum;
    }

    /** Returns the probability of a token. */
    double of(int id) {
        return Math.exp(scores[id] - max) / total;
    }
}
