/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Chooses a token by its score: the likeliest, or one drawn by the softmax of the scores. */
final class Sampler {

    private final @Nullable SplittableRandom random;

    private Sampler(@Nullable SplittableRandom random) {
        this.random = random;
    }

    /**
     * Makes the sampler of one row: rows draw from random numbers of their own, so a row's text
     * does not depend on how long the others are.
     */
    static Sampler of(GenerationConfig config, int row) {
        if (!config.doSample()) {
            return new Sampler(null);
        }
        Long seed = config.seed();
        if (seed == null) {
            return new Sampler(new SplittableRandom());
        }
        // split, because sums of a seed and a row number start sequences that overlap
        SplittableRandom source = new SplittableRandom(seed);
        for (int i = 0; i < row; ++i) {
            source.split();
        }
        return new Sampler(source.split());
    }

    /** Returns the index of the chosen score; of equal ones the first. */
    int choose(float[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; ++i) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        if (random == null) {
            return best;
        }
        double total = 0;
        for (float score : scores) {
            total += Math.exp(score - scores[best]);
        }
        double left = random.nextDouble() * total;
        for (int i = 0; i < scores.length; ++i) {
            left -= Math.exp(scores[i] - scores[best]);
            if (left < 0) {
                return i;
            }
        }
        return best;
    }

    /** Returns the highest score; NaN if one is NaN. */
    static float max(float[] scores) {
        float best = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            best = Math.max(best, score);
        }
        return best;
    }

    /** Returns log softmax at one place. */
    static float logProbability(float[] logits, int index) {
        float best = max(logits);
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit - best);
        }
        return (float) (logits[index] - best - Math.log(total));
    }
}
