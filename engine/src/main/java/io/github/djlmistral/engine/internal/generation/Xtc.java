/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Exclude top choices (XTC, by P. E. Weidmann; {@code xtc} of llama.cpp): with a probability, of
 * the tokens that are at least as likely as a threshold only the least likely one stays.
 *
 * <p>Example with the threshold 0.1: of the probabilities 0.5, 0.3, 0.15, 0.05 the last two stay.
 */
final class Xtc implements LogitsProcessor {

    private final double probability;
    private final double threshold;
    private final long seed;

    /**
     * Makes the processor.
     *
     * @param probability of excluding tokens, above 0 and at most 1
     * @param threshold the probability of a token from which on it is a top choice
     * @param seed of the random numbers; null for a random one
     */
    Xtc(double probability, double threshold, @Nullable Long seed) {
        this.probability = probability;
        this.threshold = threshold;
        this.seed = seed == null ? new SplittableRandom().nextLong() : seed;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        if (random(sequence) >= probability) {
            return;
        }
        Candidates candidates = new Candidates(scores);
        int last = -1;
        while (last + 1 < candidates.size() && candidates.probability(last + 1) >= threshold) {
            ++last;
        }
        for (int i = 0; i < last; ++i) {
            scores[candidates.id(i)] = Float.NEGATIVE_INFINITY;
        }
    }

    /**
     * Returns a random number that depends on the seed and the text only: the same one when scores
     * are processed again, and whatever other sequences there are.
     */
    private double random(Sequence sequence) {
        long hash = seed;
        for (int i = 0; i < sequence.length(); ++i) {
            hash = new SplittableRandom(hash ^ sequence.id(i)).nextLong();
        }
        return new SplittableRandom(hash).nextDouble();
    }
}
