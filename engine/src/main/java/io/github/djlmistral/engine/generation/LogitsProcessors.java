/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The processors that a configuration asks for, in the reference's order ({@code
 * GenerationMixin._get_logits_processor}): first what changes which tokens make sense (repetition,
 * length), then the caller's own, and last, only when sampling, what shapes the distribution
 * (temperature, top-k, top-p, min-p). A new one belongs at its place in {@link #chain}.
 */
public final class LogitsProcessors {

    private LogitsProcessors() {}

    /**
     * Builds the chain.
     *
     * @param config the options
     * @param own the caller's own
     * @return processors to be applied one after the other
     */
    public static List<LogitsProcessor> chain(GenerationConfig config, List<LogitsProcessor> own) {
        List<LogitsProcessor> chain = new ArrayList<>();
        if (config.repetitionPenalty() != 1) {
            chain.add(repetitionPenalty(config.repetitionPenalty()));
        }
        if (config.minNewTokens() > 0 && !config.eosTokenIds().isEmpty()) {
            chain.add(minNewTokens(config.minNewTokens(), config.eosTokenIds()));
        }
        chain.addAll(own);
        if (config.doSample()) {
            if (config.temperature() != 1) {
                chain.add(temperature(config.temperature()));
            }
            if (config.topK() > 0) {
                chain.add(topK(config.topK()));
            }
            if (config.topP() < 1) {
                chain.add(topP(config.topP()));
            }
            if (config.minP() > 0) {
                chain.add(minP(config.minP()));
            }
        }
        return chain;
    }

    /**
     * Makes tokens that the row has, prompt included, less likely (Keskar et al. 2019): a positive
     * score is divided by the penalty, a negative one multiplied, once for each token.
     *
     * @param penalty above 1 discourages, below encourages
     * @return the processor
     */
    public static LogitsProcessor repetitionPenalty(double penalty) {
        float p = (float) penalty;
        return (scores, row) -> {
            BitSet seen = new BitSet(scores.length);
            for (int i = 0; i < row.length(); ++i) {
                int id = (int) row.id(i);
                if (!seen.get(id)) {
                    seen.set(id);
                    scores[id] = scores[id] < 0 ? scores[id] * p : scores[id] / p;
                }
            }
        };
    }

    /**
     * Rules the end tokens out while a row has too few.
     *
     * @param count how many tokens are to be generated at least
     * @param eos the end tokens
     * @return the processor
     */
    public static LogitsProcessor minNewTokens(int count, List<Integer> eos) {
        return (scores, row) -> {
            if (row.generatedLength() < count) {
                for (int id : eos) {
                    if (id >= 0 && id < scores.length) {
                        scores[id] = Float.NEGATIVE_INFINITY;
                    }
                }
            }
        };
    }

    /**
     * Divides the scores: below 1 sharpens the distribution, above 1 flattens it.
     *
     * @param temperature positive
     * @return the processor
     */
    public static LogitsProcessor temperature(double temperature) {
        // bounds between which scores stay finite; at both the limit is reached already
        float t = (float) Math.min(Math.max(temperature, 1e-30), 1e30);
        return (scores, row) -> {
            for (int i = 0; i < scores.length; ++i) {
                scores[i] /= t;
            }
        };
    }

    /**
     * Keeps the k best; more, where several tie with the k-th.
     *
     * @param k how many
     * @return the processor
     */
    public static LogitsProcessor topK(int k) {
        return (scores, row) -> {
            if (k < scores.length) {
                float[] sorted = scores.clone();
                Arrays.sort(sorted);
                cut(scores, sorted[sorted.length - k]);
            }
        };
    }

    /**
     * Keeps the fewest best tokens whose probabilities together reach p (Holtzman et al. 2019).
     *
     * @param p between 0 and 1
     * @return the processor
     */
    public static LogitsProcessor topP(double p) {
        return (scores, row) -> {
            float[] sorted = scores.clone();
            Arrays.sort(sorted);
            double total = 0;
            float best = sorted[sorted.length - 1];
            for (float score : sorted) {
                total += Math.exp(score - best);
            }
            // from the worst up, as long as what is ruled out stays within 1 - p
            double ruledOut = 0;
            int keepFrom = 0;
            while (keepFrom < sorted.length - 1) {
                ruledOut += Math.exp(sorted[keepFrom] - best) / total;
                if (ruledOut > 1 - p) {
                    break;
                }
                ++keepFrom;
            }
            cut(scores, sorted[keepFrom]);
        };
    }

    /**
     * Keeps tokens at least {@code p} times as likely as the likeliest (Nguyen et al. 2024).
     *
     * @param p between 0 and 1
     * @return the processor
     */
    public static LogitsProcessor minP(double p) {
        double distance = Math.log(p);
        return (scores, row) -> {
            float best = Float.NEGATIVE_INFINITY;
            for (float score : scores) {
                best = Math.max(best, score);
            }
            cut(scores, (float) (best + distance));
        };
    }

    private static void cut(float[] scores, float threshold) {
        for (int i = 0; i < scores.length; ++i) {
            if (scores[i] < threshold) {
                scores[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
