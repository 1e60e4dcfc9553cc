/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

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

    /** Returns the maximum; NaN if a score is NaN. */
    static float max(float[] scores) {
        float best = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            best = Math.max(best, score);
        }
        return best;
    }

    /** Returns the log-softmax at an index. */
    static float logProbability(float[] logits, int index) {
        return (float) (logits[index] - logSumExp(logits));
    }

    /** Returns the log-softmax. */
    static float[] logSoftmax(float[] logits) {
        double total = logSumExp(logits);
        float[] result = new float[logits.length];
        for (int i = 0; i < result.length; ++i) {
            result[i] = (float) (logits[i] - total);
        }
        return result;
    }

    /** Returns the logarithm of the sum of the exponentials. */
    static double logSumExp(float[] logits) {
        float best = max(logits);
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit - best);
        }
        return best + Math.log(total);
    }
}
