/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

/** Probabilities of tokens: the softmax of scores, which are not copied. */
public final class Softmax {

    private final float[] scores;
    private final float max;
    private final double total;

    /** The logarithm of the sum of the exponentials of the scores. */
    private final double norm;

    /**
     * Makes the softmax.
     *
     * @param scores the scores, with a finite maximum
     */
    public Softmax(float[] scores) {
        this.scores = scores;
        max = max(scores);
        double sum = 0;
        for (float score : scores) {
            sum += Math.exp(score - max);
        }
        total = sum;
        norm = max + Math.log(total);
    }

    /** Returns the maximum; NaN if a score is NaN. */
    public static float max(float[] scores) {
        float best = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            best = Math.max(best, score);
        }
        return best;
    }

    /** Returns the index of the maximum, which greedy decoding selects; the first of equal ones. */
    public static int argmax(float[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; ++i) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        return best;
    }

    /** Returns the probability of a token. */
    public double of(int id) {
        return weight(id) / total;
    }

    /** Returns the probability of a token, times {@link #total}. */
    public double weight(int id) {
        return Math.exp(scores[id] - max);
    }

    /** Returns the sum of all weights. */
    public double total() {
        return total;
    }

    /** Returns the logarithms of the probabilities of all tokens. */
    public float[] logs() {
        float[] logs = new float[scores.length];
        for (int i = 0; i < logs.length; ++i) {
            logs[i] = log(i);
        }
        return logs;
    }

    /** Returns the logarithm of the probability of a token. */
    public float log(int id) {
        return (float) (scores[id] - norm);
    }
}
