/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.model.Chunk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Greedy decoding and sampling of one or more sequences of a prompt, which is computed once; {@code
 * GenerationMixin._sample} of the reference.
 */
final class SamplingDecoding implements Decoding {

    private final CacheSource caches;
    private final ProcessorChain processors;
    private final StoppingCriteria stopping;
    private final long[] prompt;
    private final List<Row> rows = new ArrayList<>();

    /** The cache of the prompt, until the rows have their own. */
    private @Nullable KvCache promptCache;

    private boolean prefilled;

    /** A sequence, the sampler of its tokens, and its cache while it decodes. */
    private static final class Row {

        final int index;
        final Sequence sequence;
        final Sampler sampler;
        @Nullable KvCache cache;

        Row(int index, Sequence sequence, Sampler sampler) {
            this.index = index;
            this.sequence = sequence;
            this.sampler = sampler;
        }

        boolean finished() {
            return sequence.finishReason() != null;
        }
    }

    /**
     * Starts a decoding.
     *
     * @param prompt the token ids
     * @param firstIndex the index of the first sequence in the batch
     * @param samplers one for each sequence
     * @param processors the processors of the scores
     * @param stopping the stopping criteria
     * @param caches the source of the KV caches
     */
    SamplingDecoding(
            long[] prompt,
            int firstIndex,
            List<Sampler> samplers,
            ProcessorChain processors,
            StoppingCriteria stopping,
            CacheSource caches) {
        this.prompt = prompt;
        this.processors = processors;
        this.stopping = stopping;
        this.caches = caches;
        for (Sampler sampler : samplers) {
            rows.add(new Row(firstIndex + rows.size(), new Sequence(prompt), sampler));
        }
    }

    private List<Row> unfinished() {
        return rows.stream().filter(row -> !row.finished()).toList();
    }

    @Override
    public List<Chunk> next(int budget) {
        List<Row> active = unfinished();
        if (active.isEmpty()) {
            return List.of();
        }
        if (!prefilled) {
            if (promptCache == null) {
                promptCache = caches.acquire(prompt);
            }
            int from = promptCache.length();
            int to = Math.min(prompt.length, from + budget);
            long[] ids = Arrays.copyOfRange(prompt, from, to);
            return List.of(new Chunk(promptCache, ids, to == prompt.length ? 1 : 0));
        }
        share(active);
        List<Chunk> chunks = new ArrayList<>();
        for (Row row : active) {
            long last = row.sequence.id(row.sequence.length() - 1);
            chunks.add(new Chunk(required(row.cache), new long[] {last}, 1));
        }
        return chunks;
    }

    /** Gives each row a fork of the prompt's cache, and the last one the cache itself. */
    private void share(List<Row> active) {
        if (promptCache == null) {
            return;
        }
        for (Row row : active.subList(0, active.size() - 1)) {
            if (row.cache == null) {
                row.cache = promptCache.fork();
            }
        }
        active.get(active.size() - 1).cache = promptCache;
        promptCache = null;
    }

    @Override
    public List<Token> accept(float[][] logits) {
        List<Row> active = unfinished();
        if (logits.length == 0 || active.isEmpty()) {
            return List.of();
        }
        // all scores before any draw, so that a failure changes nothing
        float[][] scores = new float[active.size()][];
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = processors.scores(active.get(i).sequence, logits[prefilled ? i : 0]);
        }
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < scores.length; ++i) {
            Row row = active.get(i);
            int id = row.sampler.select(scores[i]);
            float logProbability = Sampler.logProbability(logits[prefilled ? i : 0], id);
            row.sequence.append(id, logProbability);
            FinishReason finish = stopping.check(row.sequence);
            if (finish != null) {
                row.sequence.finish(finish);
            }
            tokens.add(new Token(row.index, id, logProbability, finish));
        }
        prefilled = true;
        releaseFinished();
        return tokens;
    }

    private void releaseFinished() {
        boolean all = true;
        for (Row row : rows) {
            all &= row.finished();
            if (row.finished() && row.cache != null) {
                KvCache cache = row.cache;
                row.cache = null;
                caches.release(cache);
            }
        }
        if (all && promptCache != null) {
            KvCache cache = promptCache;
            promptCache = null;
            caches.release(cache);
        }
    }

    private static KvCache required(@Nullable KvCache cache) {
        if (cache == null) {
            throw new IllegalStateException("the sequence has no KV cache");
        }
        return cache;
    }

    @Override
    public List<Sequence> sequences() {
        return rows.stream().map(row -> row.sequence).toList();
    }

    @Override
    public void cancel() {
        for (Row row : rows) {
            if (!row.finished()) {
                row.sequence.finish(FinishReason.CANCELLED);
            }
        }
    }

    @Override
    public void close() {
        cancel();
        releaseFinished();
    }
}
