/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.PenaltyOptions;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.TokenDecoder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * DRY, don't repeat yourself (by P. E. Weidmann; {@code dry} of llama.cpp): subtracts {@code
 * multiplier * base ^ (n - allowedLength)} from the score of a token that would continue a
 * repetition of n tokens, if n is at least the allowed length. A repetition ends at a sequence
 * breaker.
 *
 * <p>Example: after {@code a b c d a b c} the token d would continue the repetition {@code a b c},
 * of 3 tokens.
 */
final class Dry implements LogitsProcessor {

    private final double multiplier;
    private final double base;
    private final int allowedLength;
    private final int lastTokens;
    private final List<String> breakers;
    private final @Nullable TokenDecoder decoder;
    private final Map<Integer, Boolean> isBreaker = new ConcurrentHashMap<>();

    /**
     * Makes the processor.
     *
     * @param config the DRY options
     * @param decoder gives the texts of tokens; null for no sequence breakers
     */
    Dry(GenerationConfig config, @Nullable TokenDecoder decoder) {
        multiplier = config.get(PenaltyOptions.DRY_MULTIPLIER);
        base = config.get(PenaltyOptions.DRY_BASE);
        allowedLength = config.get(PenaltyOptions.DRY_ALLOWED_LENGTH);
        lastTokens = config.get(PenaltyOptions.DRY_PENALTY_LAST_N);
        breakers = config.get(PenaltyOptions.DRY_SEQUENCE_BREAKERS);
        this.decoder = decoder;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        int length = lastTokens < 0 ? sequence.length() : Math.min(lastTokens, sequence.length());
        int[] reversed = new int[length];
        for (int i = 0; i < length; ++i) {
            reversed[i] = (int) sequence.id(sequence.length() - 1 - i);
        }
        int limit = 0;
        while (limit < length && !isBreaker(reversed[limit])) {
            ++limit;
        }
        int[] matches = commonPrefixes(reversed);
        Map<Integer, Integer> repeated = new HashMap<>();
        for (int i = 1; i < length; ++i) {
            int repetition = Math.min(matches[i], limit);
            if (repetition >= allowedLength) {
                repeated.merge(reversed[i - 1], repetition, Math::max);
            }
        }
        repeated.forEach(
                (id, repetition) -> {
                    if (!isBreaker(id)) {
                        double penalty = multiplier * Math.pow(base, repetition - allowedLength);
                        scores[id] -= (float) Math.min(penalty, Float.MAX_VALUE);
                    }
                });
    }

    private boolean isBreaker(int id) {
        TokenDecoder decode = decoder;
        if (decode == null || breakers.isEmpty()) {
            return false;
        }
        return isBreaker.computeIfAbsent(
                id,
                key -> {
                    String text = decode.decode(new long[] {key});
                    return breakers.stream().anyMatch(text::contains);
                });
    }

    /**
     * Returns for each index the length of the longest common prefix of the ids from there on and
     * all ids (the Z-function), in linear time. Reversed ids give the lengths of common suffixes.
     */
    private static int[] commonPrefixes(int[] ids) {
        int[] lengths = new int[ids.length];
        // [left, right) is the match that ends last: it equals the ids from 0 on
        int left = 0;
        int right = 0;
        for (int i = 1; i < ids.length; ++i) {
            int length = i < right ? Math.min(right - i, lengths[i - left]) : 0;
            while (i + length < ids.length && ids[length] == ids[i + length]) {
                ++length;
            }
            lengths[i] = length;
            if (i + length > right) {
                left = i;
                right = i + length;
            }
        }
        return lengths;
    }
}
