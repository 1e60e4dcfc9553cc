/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.time.Duration;
import java.util.List;

/**
 * What a generation gave and how long it took.
 *
 * @param rows the rows, in the order of the prompts
 * @param timeToFirstToken from the start until the first token of every row was chosen
 * @param decodeTime from then until the end
 * @param decodedTokens how many tokens all rows got in that time
 */
public record GenerationResult(
        List<Row> rows, Duration timeToFirstToken, Duration decodeTime, int decodedTokens) {

    /** Returns how many tokens the prompts have together. */
    public int promptTokens() {
        return rows.stream().mapToInt(Row::promptLength).sum();
    }

    /** Returns the prompt's tokens per second, all rows together. */
    public double prefillTokensPerSecond() {
        return promptTokens() / seconds(timeToFirstToken);
    }

    /**
     * Returns the generated tokens per second after the first, all rows together; 0 if none came.
     */
    public double decodeTokensPerSecond() {
        return decodedTokens == 0 ? 0 : decodedTokens / seconds(decodeTime);
    }

    private static double seconds(Duration duration) {
        return Math.max(1, duration.toNanos()) * 1e-9;
    }
}
