/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * Limits of continuous batching: the forward passes that concurrent requests ask for are computed
 * together, single tokens of some with a part of the prompts of others.
 *
 * @param maxSequences maximum sequences in a pass, at least 1; the others wait for the next pass.
 *     At 1 each request is computed alone
 * @param maxPrefillTokens maximum prompt tokens in a pass while other requests run, at least 1.
 *     This bounds how long a request waits for its next token
 * @param maxCacheBytes maximum memory of the KV caches of all running requests, at least 1. A
 *     request waits until the others leave room for its prompt and {@code max_new_tokens}
 */
public record Batching(int maxSequences, int maxPrefillTokens, long maxCacheBytes) {

    /** 32 sequences and 128 prompt tokens in a pass, caches of any size. */
    public static final Batching DEFAULT = new Batching(32, 128, Long.MAX_VALUE);

    /**
     * Makes limits.
     *
     * @throws IllegalArgumentException if one is not positive, naming it
     */
    public Batching {
        require("max_batch_size", maxSequences);
        require("max_batch_prefill_tokens", maxPrefillTokens);
        require("max_cache_bytes", maxCacheBytes);
    }

    private static void require(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " is " + value + ", must be at least 1");
        }
    }
}
