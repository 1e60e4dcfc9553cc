/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation.logits;

import java.util.Arrays;

/**
 * The tokens that are still allowed, the most likely first, and their probabilities. Equal scores
 * are in the order of falling token ids.
 */
final class Candidates {

    private final int[] ids;
    private final double[] probabilities;

    private Candidates(int[] ids, double[] probabilities) {
        this.ids = ids;
        this.probabilities = probabilities;
    }

    /**
     * Sorts the tokens whose scores are above negative infinity.
     *
     * @param scores of the vocabulary, not NaN
     */
    static Candidates of(float[] scores) {
        long[] keys = new long[scores.length];
        int size = 0;
        for (int id = 0; id < scores.length; ++id) {
            if (scores[id] > Float.NEGATIVE_INFINITY) {
                keys[size++] = ((long) ordered(scores[id]) << 32) | id;
            }
        }
        Arrays.sort(keys, 0, size);
        int[] ids = new int[size];
        double[] probabilities = new double[size];
        double total = 0;
        for (int i = 0; i < size; ++i) {
            ids[i] = (int) keys[size - 1 - i];
            probabilities[i] = Math.exp(scores[ids[i]] - scores[ids[0]]);
            total += probabilities[i];
        }
        for (int i = 0; i < size; ++i) {
            probabilities[i] /= total;
        }
        return new Candidates(ids, probabilities);
    }

    /** Returns an integer that is ordered as the float. */
    private static int ordered(float score) {
        int bits = Float.floatToIntBits(score);
        return bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
    }

    int size() {
        return ids.length;
    }

    /** Returns the token at a rank, 0 for the most likely one. */
    int id(int rank) {
        return ids[rank];
    }

    double probability(int rank) {
        return probabilities[rank];
    }

    /** Returns the entropy in nats. */
    double entropy() {
        double entropy = 0;
        for (double p : probabilities) {
            if (p > 0) {
                entropy -= p * Math.log(p);
            }
        }
        return entropy;
    }

    /** Forbids all tokens from a rank on. */
    void forbidFrom(int rank, float[] scores) {
        for (int i = rank; i < ids.length; ++i) {
            scores[ids[i]] = Float.NEGATIVE_INFINITY;
        }
    }

    /**
     * Forbids the tokens below a probability, except for the most likely ones.
     *
     * @param minTokensToKeep number of tokens to keep at least
     */
    void forbidBelow(double probability, int minTokensToKeep, float[] scores) {
        int rank = Math.min(minTokensToKeep, ids.length);
        while (rank < ids.length && probabilities[rank] >= probability) {
            ++rank;
        }
        forbidFrom(rank, scores);
    }
}
