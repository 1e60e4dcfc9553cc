/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.BatchingMetrics;

/** What {@link BatchingMetrics} tell of the passes so far. */
final class PassCounters {

    /** Weight of the most recent pass in {@link BatchingMetrics#tokensPerSecond}. */
    private static final double RECENT = 0.1;

    private long requests;
    private long passes;
    private long sequences;
    private long computedTokens;
    private long generatedTokens;
    private double recentTokens;
    private double recentSeconds;

    /** Counts a request. */
    void addRequest() {
        ++requests;
    }

    /**
     * Counts a pass.
     *
     * @param chunks the number of its sequences
     * @param tokens the number of computed tokens
     * @param rows the number of those whose logits were computed
     * @param seconds the time that it took
     */
    void add(int chunks, int tokens, int rows, double seconds) {
        ++passes;
        sequences += chunks;
        computedTokens += tokens;
        generatedTokens += rows;
        recentTokens += RECENT * (rows - recentTokens);
        recentSeconds += RECENT * (seconds - recentSeconds);
    }

    /**
     * Returns the metrics with these numbers of requests and sequences, and memory of their KV
     * caches.
     */
    BatchingMetrics metrics(
            int queued,
            int running,
            int waiting,
            int prompts,
            int generating,
            int maxSequences,
            long cacheBytes) {
        return new BatchingMetrics(
                queued,
                running,
                waiting,
                prompts,
                generating,
                maxSequences,
                requests,
                passes,
                sequences,
                computedTokens,
                generatedTokens,
                recentSeconds == 0 ? 0 : recentTokens / recentSeconds,
                cacheBytes);
    }
}
