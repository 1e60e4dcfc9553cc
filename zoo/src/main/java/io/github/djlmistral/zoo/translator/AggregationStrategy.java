/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.util.Comparator;
import java.util.List;

/**
 * How the classes of tokens become entities: {@code aggregation_strategy} of the reference's {@code
 * TokenClassificationPipeline}.
 */
enum AggregationStrategy {
    /** Each token is an entity, with the label of its class. */
    NONE,
    /** Consecutive tokens of a class are an entity. A character is never divided. */
    SIMPLE,
    /** As simple, but for words, which have the class of their first token. */
    FIRST,
    /** As simple, but for words, which have the class with the highest mean probability. */
    AVERAGE,
    /** As simple, but for words, which have the class of their token with the highest score. */
    MAX;

    /** Returns whether a token begins what is classified: a token, character or word. */
    boolean begins(String input, EncodedText text, int token) {
        if (this == NONE || token == 0 || text.isSpecial(token - 1)) {
            return true;
        }
        int start = text.starts()[token];
        if (start < text.ends()[token - 1]) {
            return false; // both are bytes of a character
        }
        // a token contains the space before its word
        return this == SIMPLE
                || start >= input.length()
                || Character.isWhitespace(input.charAt(start))
                || Character.isWhitespace(input.charAt(start - 1));
    }

    /**
     * Combines the probabilities of tokens that are classified together.
     *
     * @param tokens the probabilities of the classes for each token
     * @return probabilities of the classes
     */
    double[] combine(List<double[]> tokens) {
        return switch (this) {
            case NONE, SIMPLE, FIRST -> tokens.get(0);
            case MAX ->
                    tokens.stream()
                            .max(Comparator.comparingDouble(scores -> scores[argMax(scores)]))
                            .orElseThrow();
            case AVERAGE -> {
                double[] mean = new double[tokens.get(0).length];
                for (double[] scores : tokens) {
                    for (int i = 0; i < mean.length; ++i) {
                        mean[i] += scores[i] / tokens.size();
                    }
                }
                yield mean;
            }
        };
    }

    static int argMax(double[] values) {
        int best = 0;
        for (int i = 1; i < values.length; ++i) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }
}
