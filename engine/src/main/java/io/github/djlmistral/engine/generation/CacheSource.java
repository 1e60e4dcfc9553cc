/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import org.jspecify.annotations.Nullable;

/** Where generations get their KV caches, and where the caches go at the end. Thread-safe. */
interface CacheSource {

    /**
     * Returns a cache for a prompt, which the caller owns until {@link #release}.
     *
     * @param prompt the token ids
     * @return a cache that is empty or holds the beginning of the prompt, but not its last token,
     *     whose logits are needed
     * @throws IllegalStateException if the network is closed
     */
    KvCache acquire(long[] prompt);

    /**
     * Takes over a cache that its generation no longer needs.
     *
     * @param cache a cache from {@link #acquire}, or a fork of one
     */
    void release(KvCache cache);

    /**
     * Returns a source of caches.
     *
     * @param network the network
     * @param manager closing it closes the caches
     * @param prefixes keeps the released caches; null if they are closed
     */
    static CacheSource of(
            MistralForCausalLM network, NDManager manager, @Nullable PrefixCache prefixes) {
        return new CacheSource() {
            @Override
            public KvCache acquire(long[] prompt) {
                KvCache kept = prefixes == null ? null : prefixes.take(prompt);
                return kept == null ? network.newCache(manager) : kept;
            }

            @Override
            public void release(KvCache cache) {
                if (prefixes == null) {
                    cache.close();
                } else {
                    prefixes.keep(cache);
                }
            }
        };
    }
}
