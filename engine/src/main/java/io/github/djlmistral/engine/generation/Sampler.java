/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.internal.generation.Softmax;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Selects a token: the argmax of the scores, or a sample of their softmax. */
final class Sampler {

    private final @Nullable SplittableRandom random;

    private Sampler(@Nullable SplittableRandom random) {
        this.random = random;
    }

    /**
     * Makes the sampler of one sequence. Each sequence has its own random numbers, so that its text
     * does not depend on the others in the batch.
     */
    static Sampler of(GenerationConfig config, int batchIndex) {
        return new Sampler(random(config, batchIndex));
    }

    /** Returns the random numbers of a sequence; null for greedy decoding. */
    static @Nullable SplittableRandom random(GenerationConfig config, int batchIndex) {
        if (!config.doSample()) {
            return null;
        }
        Long seed = config.seed();
        if (seed == null) {
            return new SplittableRandom();
        }
        // split, because streams seeded with seed + index overlap
        SplittableRandom source = new SplittableRandom(seed);
        for (int i = 0; i < batchIndex; ++i) {
            source.split();
        }
        return source.split();
    }

    /** Returns the index of the selected score; the first of equal maxima. */
    int select(float[] scores) {
        int best = Softmax.argmax(scores);
        if (random == null) {
            return best;
        }
        Softmax softmax = new Softmax(scores);
        double left = random.nextDouble() * softmax.total();
        for (int i = 0; i < scores.length; ++i) {
            left -= softmax.weight(i);
            if (left < 0) {
                return i;
            }
        }
        return best;
    }

    /** Returns a sampler with random numbers of its own, which are determined by the seed. */
    Sampler split() {
        return new Sampler(random == null ? null : random.split());
    }

    /**
     * Verifies a token that was drawn at random: speculative sampling (Leviathan et al. 2023,
     * algorithm 1). With p the softmax of the scores and q the distribution of the draft, the token
     * x is accepted with probability min(1, p(x) / q(x)); otherwise another is drawn from the
     * positive part of p - q. Either way the result is distributed as p.
     *
     * <p>A token that was not drawn at random, as in prompt lookup, has q(x) = 1. Then {@link
     * #select} does the same: it selects x with probability p(x), and otherwise another in
     * proportion to p.
     *
     * @param scores the network's scores, after the processors
     * @param drafted the token
     * @param draftScores the scores whose softmax is q
     * @return the token if it is accepted, otherwise another
     */
    int verify(float[] scores, int drafted, float[] draftScores) {
        if (random == null) {
            return select(scores);
        }
        Softmax p = new Softmax(scores);
        Softmax q = new Softmax(draftScores);
        if (random.nextDouble() * q.of(drafted) < p.of(drafted)) {
            return drafted;
        }
        double total = 0;
        for (int i = 0; i < scores.length; ++i) {
            total += Math.max(0, p.of(i) - q.of(i));
        }
        double left = random.nextDouble() * total;
        int last = 0;
        for (int i = 0; i < scores.length; ++i) {
            double weight = p.of(i) - q.of(i);
            if (weight > 0) {
                last = i;
                left -= weight;
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
    }
}
