/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.model.Chunk;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Speculative decoding (Leviathan et al. 2023, arXiv 2211.17192): a drafter guesses tokens, one
 * pass of the network verifies them all, and the first that is not accepted is replaced by the
 * network's own; {@code GenerationMixin._assisted_decoding} of the reference. Greedy decoding gives
 * the text that it gives without drafts, sampling draws from the network's distribution.
 *
 * <p>Example: the sequence ends with {@code a}, the draft is {@code b c d}. The pass computes
 * {@code a b c d} and the logits of all four. After {@code a} the network selects {@code b}, after
 * {@code b} it selects {@code x}: the sequence is extended by {@code b x}, and the cache is cropped
 * to the tokens before {@code x}.
 *
 * <p>The scores of a token are processed once the tokens before it are final, so that logits
 * processors see what they see without drafts.
 */
final class SpeculativeDecoding implements Decoding {

    private final long[] prompt;
    private final int index;
    private final Sequence sequence;
    private final Sampler sampler;
    private final ProcessorChain processors;
    private final TokenAppender appender;
    private final StoppingCriteria stopping;
    private final CacheSource caches;
    private final Drafter drafter;
    private final DraftLength length;
    private @Nullable KvCache cache;
    private @Nullable Draft draft;
    private long passStarted;
    private SpeculationMetrics metrics = SpeculationMetrics.NONE;

    /**
     * Starts a decoding.
     *
     * @param prompt the token ids
     * @param index the index of the sequence in the batch
     * @param sampler selects and verifies the tokens
     * @param processors the processors of the scores
     * @param appender appends the tokens
     * @param stopping the stopping criteria
     * @param caches the source of the KV cache
     * @param speculation drafts the tokens; closed by the decoding
     */
    SpeculativeDecoding(
            long[] prompt,
            int index,
            Sampler sampler,
            ProcessorChain processors,
            TokenAppender appender,
            StoppingCriteria stopping,
            CacheSource caches,
            Speculation speculation) {
        this.prompt = prompt;
        this.index = index;
        this.sampler = sampler;
        this.processors = processors;
        this.appender = appender;
        this.stopping = stopping;
        this.caches = caches;
        drafter = speculation.drafter();
        length = speculation.length();
        sequence = processors.sequence(prompt);
    }

    @Override
    public List<Chunk> next(int budget) {
        if (sequence.finishReason() != null) {
            return List.of();
        }
        if (cache == null) {
            cache = caches.acquire(prompt);
        }
        int from = cache.length();
        int left = prompt.length - from;
        if (left > 0) {
            int tokens = Math.min(left, budget);
            return List.of(
                    new Chunk(cache, ids(from, tokens, Draft.EMPTY), tokens == left ? 1 : 0));
        }
        if (draft == null) {
            draft = draft();
        }
        int tokens = sequence.length() - from;
        passStarted = System.nanoTime();
        return List.of(new Chunk(cache, ids(from, tokens, draft), 1 + draft.length()));
    }

    /** Returns tokens of the sequence, then those of a draft. */
    private long[] ids(int from, int tokens, Draft more) {
        long[] ids = new long[tokens + more.length()];
        for (int i = 0; i < tokens; ++i) {
            ids[i] = sequence.id(from + i);
        }
        System.arraycopy(more.ids(), 0, ids, tokens, more.length());
        return ids;
    }

    private Draft draft() {
        // the network's own token follows the drafted ones
        int room = stopping.limit(sequence.promptLength()) - sequence.generatedLength() - 1;
        if (room < 1) {
            return Draft.EMPTY;
        }
        return drafter.draft(sequence, length, Math.min(length.most(), room)).untilEnd(stopping);
    }

    @Override
    public List<Token> accept(float[][] logits) {
        if (logits.length == 0 || sequence.finishReason() != null) {
            return List.of();
        }
        Draft verified = draft == null ? Draft.EMPTY : draft;
        List<Token> tokens = new ArrayList<>();
        int matches = 0;
        for (int i = 0; i < logits.length && matches == i && sequence.finishReason() == null; ++i) {
            float[] scores;
            try {
                scores = processors.scores(sequence, logits[i]);
            } catch (RuntimeException | Error e) {
                if (i == 0) {
                    throw e;
                }
                // the tokens so far are final: the next pass computes this one again, and fails
                break;
            }
            if (sequence.finishReason() != null) {
                break; // cancelled by a logits processor
            }
            int id = verified.select(i, sampler, scores);
            if (i < verified.length() && id == verified.ids()[i]) {
                ++matches;
            }
            tokens.add(appender.append(index, sequence, id, logits[i], scores));
        }
        if (draft != null) {
            length.passed(1 + draft.length(), System.nanoTime() - passStarted);
            length.verified(draft, matches);
            metrics = metrics.plus(new SpeculationMetrics(draft.length(), matches, 1));
            draft = null;
        }
        if (cache != null && cache.length() >= sequence.length()) {
            // rejected tokens, and those behind the end of the sequence
            cache.crop(sequence.length() - 1);
        }
        releaseFinished();
        return tokens;
    }

    private void releaseFinished() {
        if (sequence.finishReason() != null && cache != null) {
            KvCache released = cache;
            cache = null;
            try {
                caches.release(released);
            } finally {
                drafter.close();
            }
        }
    }

    @Override
    public SpeculationMetrics speculation() {
        return metrics;
    }

    @Override
    public List<Sequence> sequences() {
        return List.of(sequence);
    }

    @Override
    public void finish(FinishReason reason) {
        if (sequence.finishReason() == null) {
            sequence.finish(reason);
        }
    }

    @Override
    public void close() {
        finish(FinishReason.CANCELLED);
        releaseFinished();
    }
}
