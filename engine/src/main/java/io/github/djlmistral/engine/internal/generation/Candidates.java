/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import java.util.Arrays;

/**
 * The tokens that are still allowed, the most likely first, and their probabilities. Equal scores
 * are in the order of falling token ids.
 *
 * <p>They are sorted as far as they are asked for, as the most likely tokens of a vocabulary are
 * few: those that are not sorted form a heap at the beginning of the array, and the sorted ones
 * follow from the end.
 */
final class Candidates {

    private final float[] scores;
    private final int[] ids;
    private int heap;

    /** Probabilities by token id, before division by their sum. */
    private final double[] weights;

    private final double total;
    private final double entropy;

    /**
     * Finds the tokens whose scores are above negative infinity.
     *
     * @param scores of the vocabulary, not NaN; copied
     */
    Candidates(float[] scores) {
        this.scores = scores.clone();
        int[] allowed = new int[scores.length];
        float best = Float.NEGATIVE_INFINITY;
        for (int id = 0; id < scores.length; ++id) {
            if (scores[id] > Float.NEGATIVE_INFINITY) {
                allowed[heap++] = id;
                best = Math.max(best, scores[id]);
            }
        }
        ids = Arrays.copyOf(allowed, heap);
        weights = new double[scores.length];
        double sum = 0;
        double energy = 0;
        for (int id : ids) {
            double distance = (double) scores[id] - best;
            weights[id] = Math.exp(distance);
            sum += weights[id];
            energy += weights[id] * distance;
        }
        total = sum;
        // -sum of p log p, with log p = distance - log total
        entropy = sum == 0 ? 0 : Math.log(sum) - energy / sum;
        for (int i = heap / 2 - 1; i >= 0; --i) {
            siftDown(i);
        }
    }

    private boolean isBefore(int id, int other) {
        return scores[id] > scores[other] || (scores[id] == scores[other] && id > other);
    }

    /** Moves an id down to its place in the heap. */
    private void siftDown(int index) {
        int id = ids[index];
        int at = index;
        while (2 * at + 1 < heap) {
            int child = 2 * at + 1;
            if (child + 1 < heap && isBefore(ids[child + 1], ids[child])) {
                ++child;
            }
            if (!isBefore(ids[child], id)) {
                break;
            }
            ids[at] = ids[child];
            at = child;
        }
        ids[at] = id;
    }

    int size() {
        return ids.length;
    }

    /** Returns the token at a rank, 0 for the most likely one. */
    int id(int rank) {
        while (ids.length - heap <= rank) {
            int first = ids[0];
            ids[0] = ids[--heap];
            ids[heap] = first;
            siftDown(0);
        }
        return ids[ids.length - 1 - rank];
    }

    double probability(int rank) {
        return probabilityOf(id(rank));
    }

    /** Returns the probability of a token, 0 if it is forbidden. */
    double probabilityOf(int id) {
        return weights[id] / total;
    }

    /** Returns the entropy in nats. */
    double entropy() {
        return entropy;
    }

    /**
     * Forbids all tokens from a rank on.
     *
     * @param changed the scores, in which they become negative infinity
     */
    void forbidFrom(int rank, float[] changed) {
        if (rank < ids.length) {
            id(rank);
            for (int i = 0; i < ids.length - rank; ++i) {
                changed[ids[i]] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /**
     * Forbids the tokens below a probability, except for the most likely ones.
     *
     * @param minTokensToKeep number of tokens to keep at least
     * @param changed the scores, in which they become negative infinity
     */
    void forbidBelow(double probability, int minTokensToKeep, float[] changed) {
        int rank = Math.min(minTokensToKeep, ids.length);
        while (rank < ids.length && probability(rank) >= probability) {
            ++rank;
        }
        forbidFrom(rank, changed);
    }
}
