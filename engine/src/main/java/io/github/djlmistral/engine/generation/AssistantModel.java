/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.generation.Softmax;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Drafts what a smaller network with the same vocabulary generates; {@code
 * AssistedCandidateGenerator} of the reference. It selects tokens as the network does that verifies
 * them, with the same logits processors: the most likely ones in greedy decoding, otherwise random
 * ones.
 *
 * <p>Its KV cache follows the sequence. A long prompt is computed in chunks, one a call: until the
 * cache has caught up there are no drafts.
 */
final class AssistantModel implements Drafter {

    /** Tokens that are computed with the first one of a draft; more need a pass of their own. */
    private static final int BEHIND = 8;

    private final MistralForCausalLM network;
    private final NDManager manager;
    private final Sampler sampler;
    private final ProcessorChain processors;
    private final StoppingCriteria stopping;
    private final int chunkSize;
    private final double confidence;

    private @Nullable KvCache opened;

    /** What the cache has seen: the sequence of the last call, and the tokens drafted after it. */
    private @Nullable Sequence seen;

    private int verified;

    /**
     * Makes a drafter.
     *
     * @param network the assistant
     * @param manager closing it closes the cache
     * @param sampler selects the tokens
     * @param processors the processors of the scores
     * @param stopping the stopping criteria
     * @param chunkSize maximum number of tokens in a pass
     * @param confidence the draft ends after a token of lower probability
     */
    AssistantModel(
            MistralForCausalLM network,
            NDManager manager,
            Sampler sampler,
            ProcessorChain processors,
            StoppingCriteria stopping,
            int chunkSize,
            double confidence) {
        this.network = network;
        this.manager = manager;
        this.sampler = sampler;
        this.processors = processors;
        this.stopping = stopping;
        this.chunkSize = chunkSize;
        this.confidence = confidence;
    }

    @Override
    public Draft draft(Sequence sequence, DraftLength length, int most) {
        if (opened == null) {
            opened = network.newCache(manager);
        }
        KvCache cache = opened;
        cropTo(sequence, cache);
        // the last drafted token is never an input
        int room = network.config().maxPositionEmbeddings() - sequence.length() + 1;
        int count = room < 1 ? 0 : length.choose(0, Math.min(most, room));
        if (count == 0) {
            return Draft.EMPTY;
        }
        int behind = sequence.length() - 1 - cache.length();
        if (behind > BEHIND) {
            pass(cache, sequence, cache.length() + Math.min(behind, chunkSize), 0);
            return Draft.EMPTY;
        }
        long started = System.nanoTime();
        Sequence text = sequence.copy();
        seen = text;
        List<float[]> scores = new ArrayList<>();
        double probability = 1;
        while (scores.size() < count && probability >= confidence) {
            float[] logits = pass(cache, text, text.length(), 1);
            try {
                logits = processors.scores(text, logits);
            } catch (RuntimeException e) {
                break; // no token may follow a draft that the network will not accept
            }
            int id = sampler.select(logits);
            probability = new Softmax(logits).of(id);
            scores.add(logits);
            text.append(id, 0);
            if (stopping.isEnd(id)) {
                break;
            }
        }
        long[] ids = new long[scores.size()];
        for (int i = 0; i < ids.length; ++i) {
            ids[i] = text.id(sequence.length() + i);
        }
        if (ids.length > 0) {
            length.drafted(ids.length, System.nanoTime() - started);
        }
        return new Draft(ids, scores, 0);
    }

    /** Crops the cache to the tokens that it has in common with the sequence. */
    private void cropTo(Sequence sequence, KvCache cache) {
        int common = Math.min(verified, cache.length());
        while (seen != null
                && common < Math.min(cache.length(), sequence.length() - 1)
                && seen.id(common) == sequence.id(common)) {
            ++common;
        }
        if (common < cache.length()) {
            cache.crop(common);
        }
        verified = sequence.length();
    }

    /** Extends the cache up to a length of the text, and returns logits of the last token. */
    private float[] pass(KvCache cache, Sequence text, int to, int logits) {
        long[] ids = new long[to - cache.length()];
        for (int i = 0; i < ids.length; ++i) {
            ids[i] = text.id(cache.length() + i);
        }
        try (NDManager step = manager.newSubManager()) {
            NDArray result = network.forward(step, List.of(new Chunk(cache, ids, logits)));
            return result == null ? new float[0] : result.toFloatArray();
        }
    }

    @Override
    public void close() {
        if (opened != null) {
            opened.close();
        }
    }
}
