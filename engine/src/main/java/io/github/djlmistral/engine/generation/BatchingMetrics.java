/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * A snapshot of the requests to a network and of its forward passes.
 *
 * @param queued requests that wait until there is memory for their KV cache
 * @param running requests that have begun and not ended
 * @param waiting running requests that wait for a pass, or are in the one that is computed
 * @param prompts sequences of the running requests whose prompt is being computed
 * @param generating sequences of the running requests that generate; with {@code prompts}, those of
 *     the most recent pass of each request
 * @param maxSequences maximum sequences in a pass; more of them take turns
 * @param requests requests that have begun so far
 * @param passes forward passes so far
 * @param sequences sequences of these passes, summed; divided by {@code passes} the mean batch size
 * @param computedTokens tokens computed so far, of prompts and generated ones
 * @param generatedTokens those of them whose logits were computed: as many as were generated, and
 *     rejected ones of speculative decoding
 * @param tokensPerSecond generated tokens per second in the most recent passes, 0 before the first
 * @param cacheBytes memory of the KV caches of the running requests
 */
public record BatchingMetrics(
        int queued,
        int running,
        int waiting,
        int prompts,
        int generating,
        int maxSequences,
        long requests,
        long passes,
        long sequences,
        long computedTokens,
        long generatedTokens,
        double tokensPerSecond,
        long cacheBytes) {}
