/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.time.Duration;
import java.util.List;

/**
 * The sequences of a generation and its timings.
 *
 * @param sequences in the order of the prompts; those of one prompt follow each other
 * @param promptTokens number of prompt tokens, summed over the prompts
 * @param cachedTokens number of those that a kept prefix of an earlier request held, see {@link
 *     io.github.djlmistral.engine.cache.PrefixCache}
 * @param timeToFirstToken from the start until every sequence had its first token
 * @param decodeTime from then to the last token
 * @param decodedTokens tokens generated in {@code decodeTime}, summed over the sequences
 * @param speculation drafted and accepted tokens
 */
public record GenerationResult(
        List<Sequence> sequences,
        int promptTokens,
        int cachedTokens,
        Duration timeToFirstToken,
        Duration decodeTime,
        int decodedTokens,
        SpeculationMetrics speculation) {

    /** Returns the prompt tokens per second, summed over the prompts. */
    public double prefillTokensPerSecond() {
        return promptTokens / seconds(timeToFirstToken);
    }

    /**
     * Returns the tokens per second after the first one, summed over the sequences; 0 if there are
     * none.
     */
    public double decodeTokensPerSecond() {
        return decodedTokens == 0 ? 0 : decodedTokens / seconds(decodeTime);
    }

    private static double seconds(Duration duration) {
        return Math.max(1, duration.toNanos()) * 1e-9;
    }
}
