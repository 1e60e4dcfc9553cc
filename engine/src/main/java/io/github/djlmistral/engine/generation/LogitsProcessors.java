/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The logits processors of a configuration, in the reference's order ({@code
 * GenerationMixin._get_logits_processor}): repetition penalty and minimum length, custom
 * processors, and, only when sampling, the warpers (temperature, top-k, top-p, min-p).
 */
public final class LogitsProcessors {

    private LogitsProcessors() {}

    /**
     * Builds the list of processors.
     *
     * @param config the options
     * @param custom custom processors
     * @return the processors, in the order in which they are applied
     */
    public static List<LogitsProcessor> chain(
            GenerationConfig config, List<LogitsProcessor> custom) {
        List<LogitsProcessor> chain = new ArrayList<>();
        if (config.repetitionPenalty() != 1) {
            chain.add(repetitionPenalty(config.repetitionPenalty()));
        }
        if (config.minNewTokens() > 0 && !config.eosTokenIds().isEmpty()) {
            chain.add(minNewTokens(config.minNewTokens(), config.eosTokenIds()));
        }
        chain.addAll(custom);
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
     * Repetition penalty (Keskar et al. 2019): divides positive and multiplies negative scores of
     * the tokens that the sequence contains, prompt included, once for each distinct token.
     *
     * @param penalty above 1 discourages repetition, below 1 encourages it
     * @return the processor
     */
    public static LogitsProcessor repetitionPenalty(double penalty) {
        float p = (float) penalty;
        return (scores, sequence) -> {
            BitSet seen = new BitSet(scores.length);
            for (int i = 0; i < sequence.length(); ++i) {
                int id = (int) sequence.id(i);
                if (!seen.get(id)) {
                    seen.set(id);
                    scores[id] = scores[id] < 0 ? scores[id] * p : scores[id] / p;
                }
            }
        };
    }

    /**
     * Forbids the end-of-sequence tokens until enough tokens are generated.
     *
     * @param count the least number of generated tokens
     * @param eos the end-of-sequence tokens
     * @return the processor
     */
    public static LogitsProcessor minNewTokens(int count, List<Integer> eos) {
        return (scores, sequence) -> {
            if (sequence.generatedLength() < count) {
                for (int id : eos) {
                    if (id >= 0 && id < scores.length) {
                        scores[id] = Float.NEGATIVE_INFINITY;
                    }
                }
            }
        };
    }

    /**
     * Divides the scores by the temperature: below 1 sharpens the distribution, above 1 flattens
     * it.
     *
     * @param temperature positive
     * @return the processor
     */
    public static LogitsProcessor temperature(double temperature) {
        // within these bounds scores stay finite, and the limits are reached already
        float t = (float) Math.min(Math.max(temperature, 1e-30), 1e30);
        return (scores, sequence) -> {
            for (int i = 0; i < scores.length; ++i) {
                scores[i] /= t;
            }
        };
    }

    /**
     * Top-k: keeps the k highest scores, and all that are equal to the k-th.
     *
     * @param k number of tokens to keep
     * @return the processor
     */
    public static LogitsProcessor topK(int k) {
        return (scores, sequence) -> {
            if (k < scores.length) {
                float[] sorted = scores.clone();
                Arrays.sort(sorted);
                cut(scores, sorted[sorted.length - k]);
            }
        };
    }

    /**
     * Top-p, nucleus sampling (Holtzman et al. 2019): keeps the smallest set of most likely tokens
     * whose probabilities add up to p.
     *
     * @param p between 0 and 1
     * @return the processor
     */
    public static LogitsProcessor topP(double p) {
        return (scores, sequence) -> {
            float[] sorted = scores.clone();
            Arrays.sort(sorted);
            double total = 0;
            float best = sorted[sorted.length - 1];
            for (float score : sorted) {
                total += Math.exp(score - best);
            }
            // removes from the least likely up while the removed probability is at most 1 - p
            double removed = 0;
            int keepFrom = 0;
            while (keepFrom < sorted.length - 1) {
                removed += Math.exp(sorted[keepFrom] - best) / total;
                if (removed > 1 - p) {
                    break;
                }
                ++keepFrom;
            }
            cut(scores, sorted[keepFrom]);
        };
    }

    /**
     * Min-p (Nguyen et al. 2024): keeps tokens at least {@code p} times as likely as the most
     * likely one.
     *
     * @param p between 0 and 1
     * @return the processor
     */
    public static LogitsProcessor minP(double p) {
        double distance = Math.log(p);
        return (scores, sequence) -> {
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
