/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.model.Chunk;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A sequence with the KV caches that its next token needs: one, or two with guidance, of which the
 * second holds the negative prompt and the generated tokens. Branches of one prompt begin with the
 * same caches, which {@link #separate} forks.
 */
final class Branch {

    private final Sequence sequence;
    private final List<Context> contexts;

    /** The tokens before the generated ones, and the cache of both. */
    private static final class Context {

        final long[] prompt;
        @Nullable KvCache cache;

        Context(long[] prompt, @Nullable KvCache cache) {
            this.prompt = prompt;
            this.cache = cache;
        }
    }

    private Branch(Sequence sequence, List<Context> contexts) {
        this.sequence = sequence;
        this.contexts = contexts;
    }

    /**
     * Makes a branch without caches.
     *
     * @param sequence the sequence
     * @param prompts the prompts of the contexts; the first is that of the sequence
     */
    static Branch of(Sequence sequence, List<long[]> prompts) {
        return new Branch(
                sequence, prompts.stream().map(prompt -> new Context(prompt, null)).toList());
    }

    /**
     * Returns a branch that begins with the caches of this one.
     *
     * @param longer its sequence, which continues the one of this branch
     */
    Branch child(Sequence longer) {
        return new Branch(
                longer,
                contexts.stream()
                        .map(context -> new Context(context.prompt, context.cache))
                        .toList());
    }

    /** Returns the sequence. */
    Sequence sequence() {
        return sequence;
    }

    /** Forks caches that several branches have, so that each can be extended by itself. */
    static void separate(List<Branch> branches) {
        Set<KvCache> owned = new HashSet<>();
        for (Branch branch : branches) {
            for (Context context : branch.contexts) {
                KvCache cache = context.cache;
                if (cache != null && !owned.add(cache)) {
                    context.cache = cache.fork();
                }
            }
        }
    }

    /** Releases the caches that branches have and others do not. */
    static void release(
            CacheSource source, Collection<Branch> branches, Collection<Branch> others) {
        Set<KvCache> ended = caches(branches);
        ended.removeAll(caches(others));
        ended.forEach(source::release);
    }

    private static Set<KvCache> caches(Collection<Branch> branches) {
        Set<KvCache> caches = new HashSet<>();
        for (Branch branch : branches) {
            for (Context context : branch.contexts) {
                if (context.cache != null) {
                    caches.add(context.cache);
                }
            }
        }
        return caches;
    }

    /**
     * Returns the chunks of the next pass, one of each context at most. They request the logits of
     * the next token, one row of each context, if the pass computes all that is left of the
     * contexts.
     *
     * @param source gives the first caches
     * @param budget the maximum number of tokens, unless there is a single one in each context
     */
    List<Chunk> next(CacheSource source, int budget) {
        int rest = 0;
        for (Context context : contexts) {
            if (context.cache == null) {
                context.cache = source.acquire(context.prompt);
            }
            rest += rest(context, context.cache);
        }
        boolean all = rest <= budget || rest == contexts.size();
        int left = budget;
        List<Chunk> chunks = new ArrayList<>();
        for (Context context : contexts) {
            if (context.cache != null) {
                int tokens = rest(context, context.cache);
                int count = all ? tokens : Math.min(tokens - 1, left);
                if (count > 0) {
                    chunks.add(chunk(context, context.cache, count, all ? 1 : 0));
                    left -= count;
                }
            }
        }
        return chunks;
    }

    /** Returns the number of tokens that the cache lacks. */
    private int rest(Context context, KvCache cache) {
        return context.prompt.length + sequence.generatedLength() - cache.length();
    }

    private Chunk chunk(Context context, KvCache cache, int count, int logits) {
        long[] ids = new long[count];
        int offset = sequence.promptLength() - context.prompt.length;
        for (int i = 0; i < count; ++i) {
            int at = cache.length() + i;
            ids[i] = at < context.prompt.length ? context.prompt[at] : sequence.id(at + offset);
        }
        return new Chunk(cache, ids, logits);
    }
}
