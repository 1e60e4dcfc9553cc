/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.cache.KvCache;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The caches of one generation, with the number of tokens that they held from the beginning. */
final class CountedCaches implements CacheSource {

    private static final int UNKNOWN = -1;

    private final CacheSource source;
    private final List<long[]> prompts;
    private final AtomicIntegerArray kept;

    /**
     * Counts for prompts; other caches, as of a negative prompt, are not counted.
     *
     * @param source where the caches are from
     * @param prompts those that {@link #acquire} gets; each is counted once
     */
    CountedCaches(CacheSource source, List<long[]> prompts) {
        this.source = source;
        this.prompts = prompts;
        kept = new AtomicIntegerArray(prompts.size());
        for (int i = 0; i < prompts.size(); ++i) {
            kept.set(i, UNKNOWN);
        }
    }

    @Override
    public KvCache acquire(long[] prompt) {
        KvCache cache = source.acquire(prompt);
        for (int i = 0; i < prompts.size(); ++i) {
            if (Arrays.equals(prompts.get(i), prompt)
                    && kept.compareAndSet(i, UNKNOWN, cache.length())) {
                break;
            }
        }
        return cache;
    }

    @Override
    public void release(KvCache cache) {
        source.release(cache);
    }

    /** Returns the number of tokens of the prompts that were not computed again, so far. */
    int tokens() {
        int tokens = 0;
        for (int i = 0; i < prompts.size(); ++i) {
            tokens += Math.max(0, kept.get(i));
        }
        return tokens;
    }
}
