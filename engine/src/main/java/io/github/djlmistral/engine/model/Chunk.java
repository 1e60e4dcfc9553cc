/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.cache.KvCache;

/**
 * New tokens of a sequence in a forward pass.
 *
 * @param cache the KV cache of the sequence, which the pass extends by the tokens
 * @param ids the token ids; at least one
 * @param logits the number of last tokens to compute logits for, from 0
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Chunk(KvCache cache, long[] ids, int logits) {

    /**
     * Makes a chunk.
     *
     * @throws IllegalArgumentException if there is no token, or {@code logits} is out of its range
     */
    public Chunk {
        if (ids.length == 0 || logits < 0 || logits > ids.length) {
            throw new IllegalArgumentException(
                    "a chunk of " + ids.length + " tokens cannot have " + logits + " logits");
        }
    }
}
