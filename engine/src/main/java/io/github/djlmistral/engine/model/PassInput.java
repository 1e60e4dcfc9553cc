/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a forward pass, checked against the network, so that no kernel computes an
 * address from invalid arguments. The arrays belong to the pass: the caller may close its own
 * meanwhile.
 *
 * @param scope the manager of the pass
 * @param ids N token ids; null if embeddings are given
 * @param embeddings (B, T, E), or null
 * @param batch B, the first dimension of results; 1 for chunks
 * @param tokens T, the second dimension of results; N for chunks
 * @param begins the tokens of sequence i are begins[i] to begins[i + 1] - 1 of the N ones
 * @param positions the rotary positions, N
 * @param padding the padding mask; null if no query attends to padding
 * @param additiveMask the 4D attention mask, or null
 * @param causal whether attention is causal; else bidirectional
 * @param caches the cache of each sequence; empty if there is none
 * @param kept the number of last tokens of each sequence to compute logits for
 * @param hiddenStates whether hidden states are requested
 * @param attentions whether attention weights are requested
 */
// The arrays are not shared.
@SuppressWarnings("ArrayRecordComponent")
record PassInput(
        NDManager scope,
        long @Nullable [] ids,
        @Nullable NDArray embeddings,
        int batch,
        int tokens,
        int[] begins,
        long[] positions,
        AttentionMask.@Nullable Padding padding,
        @Nullable NDArray additiveMask,
        boolean causal,
        List<SequenceCache.Pass> caches,
        int[] kept,
        boolean hiddenStates,
        boolean attentions)
        implements AutoCloseable {

    /**
     * Checks the arguments of a pass.
     *
     * @throws IllegalArgumentException if they do not fit the network or each other
     * @throws IllegalStateException if the cache cannot take the pass, see {@link
     *     SequenceCache#begin}
     */
    static PassInput of(
            ForwardInput input,
            MistralConfig config,
            Kernels kernels,
            SequenceCache.Owner owner,
            NDManager scope) {
        InputArrays arrays = new InputArrays(input, config, scope);
        int batch = arrays.batch();
        int tokens = arrays.tokens();
        if (!input.caches.isEmpty() && input.caches.size() != batch) {
            throw new IllegalArgumentException(
                    "there are "
                            + input.caches.size()
                            + " caches, the input has "
                            + batch
                            + " rows");
        }
        long[] ids = arrays.ids();
        int[] begins = IntStream.rangeClosed(0, batch).map(b -> b * tokens).toArray();
        List<SequenceCache.Pass> caches = begin(input.caches, begins, ids, config, owner);
        try {
            int past = past(caches, arrays.hasMask());
            int keep = input.logitsToKeep == 0 ? tokens : Math.min(tokens, input.logitsToKeep);
            NDArray embeddings = arrays.embeddings(kernels.activations());
            long[] positions = arrays.positions();
            return new PassInput(
                    scope,
                    ids,
                    embeddings,
                    batch,
                    tokens,
                    begins,
                    positions == null ? positions(begins, caches) : positions,
                    arrays.padding(past),
                    arrays.additiveMask(keys(past, tokens, config.window())),
                    config.isCausal(),
                    caches,
                    IntStream.generate(() -> keep).limit(batch).toArray(),
                    input.outputHiddenStates,
                    input.outputAttentions);
        } catch (RuntimeException | Error e) {
            caches.forEach(SequenceCache.Pass::close);
            throw e;
        }
    }

    /**
     * Checks the chunks of a pass.
     *
     * @throws IllegalArgumentException if there are none, or they do not fit the network
     * @throws IllegalStateException as above
     */
    static PassInput of(
            List<Chunk> chunks, MistralConfig config, SequenceCache.Owner owner, NDManager scope) {
        if (chunks.isEmpty()) {
            throw new IllegalArgumentException("a pass has at least one chunk");
        }
        List<long[]> tokens = chunks.stream().map(Chunk::ids).toList();
        int[] begins = begins(tokens);
        long[] ids = packed(tokens, config.vocabSize());
        List<KvCache> given = chunks.stream().map(Chunk::cache).toList();
        List<SequenceCache.Pass> caches = begin(given, begins, ids, config, owner);
        return new PassInput(
                scope,
                ids,
                null,
                1,
                ids.length,
                begins,
                positions(begins, caches),
                null,
                null,
                true,
                caches,
                chunks.stream().mapToInt(Chunk::logits).toArray(),
                false,
                false);
    }

    /**
     * Checks the sequences of a pass without caches, one behind the other.
     *
     * @throws IllegalArgumentException if there are none, or they do not fit the network
     */
    static PassInput of(List<TrainingSequence> sequences, MistralConfig config, NDManager scope) {
        config.requireCausal();
        if (sequences.isEmpty()) {
            throw new IllegalArgumentException("a pass has at least one sequence");
        }
        List<long[]> tokens = sequences.stream().map(TrainingSequence::ids).toList();
        int[] begins = begins(tokens);
        long[] ids = packed(tokens, config.vocabSize());
        return new PassInput(
                scope,
                ids,
                null,
                1,
                ids.length,
                begins,
                positions(begins, List.of()),
                null,
                null,
                true,
                List.of(),
                new int[sequences.size()],
                false,
                false);
    }

    /** Returns where each of packed sequences begins, and the number of all tokens. */
    private static int[] begins(List<long[]> sequences) {
        int[] begins = new int[sequences.size() + 1];
        for (int i = 0; i < sequences.size(); ++i) {
            begins[i + 1] = Math.addExact(begins[i], sequences.get(i).length);
        }
        return begins;
    }

    /** Returns the tokens of all sequences, one behind the other. */
    private static long[] packed(List<long[]> sequences, int vocabSize) {
        long[] ids = sequences.stream().flatMapToLong(LongStream::of).toArray();
        InputArrays.requireKnown(ids, vocabSize);
        return ids;
    }

    /** Begins the pass of each cache, or of none if one of them does not fit. */
    @SuppressWarnings("ReferenceEquality") // another network with the same weights is another one
    private static List<SequenceCache.Pass> begin(
            List<KvCache> caches,
            int[] begins,
            long @Nullable [] ids,
            MistralConfig config,
            SequenceCache.Owner owner) {
        if (!caches.isEmpty()) {
            config.requireCausal();
        }
        List<SequenceCache.Pass> passes = new ArrayList<>();
        try {
            for (int i = 0; i < caches.size(); ++i) {
                if (!(caches.get(i) instanceof SequenceCache cache) || cache.owner() != owner) {
                    throw new IllegalArgumentException(
                            "this cache is another network's: make it with newCache of this"
                                    + " network");
                }
                long[] own = ids == null ? null : Arrays.copyOfRange(ids, begins[i], begins[i + 1]);
                passes.add(cache.begin(begins[i + 1] - begins[i], own));
            }
            return passes;
        } catch (RuntimeException | Error e) {
            passes.forEach(SequenceCache.Pass::close);
            throw e;
        }
    }

    /** Returns the number of tokens that the caches have seen; of the first one if they differ. */
    private static int past(List<SequenceCache.Pass> caches, boolean equal) {
        int[] lengths = caches.stream().mapToInt(pass -> pass.keyValues().length()).toArray();
        if (equal && IntStream.of(lengths).distinct().count() > 1) {
            throw new IllegalArgumentException(
                    "with an attention mask, all rows must have equally many earlier tokens, have "
                            + Arrays.toString(lengths));
        }
        return lengths.length == 0 ? 0 : lengths[0];
    }

    /** Returns the positions of tokens that follow those in the caches. */
    private static long[] positions(int[] begins, List<SequenceCache.Pass> caches) {
        long[] positions = new long[begins[begins.length - 1]];
        for (int i = 0; i + 1 < begins.length; ++i) {
            int past = caches.isEmpty() ? 0 : caches.get(i).keyValues().length();
            for (int n = begins[i]; n < begins[i + 1]; ++n) {
                positions[n] = (long) past + n - begins[i];
            }
        }
        return positions;
    }

    /** Returns the packed tokens (N, E) as sequences (B, T, E). */
    NDArray sequences(NDArray x) {
        return x.reshape(batch, tokens, -1);
    }

    /**
     * Selects the tokens to compute logits for.
     *
     * @param x (B, T, E)
     * @return (B, {@code logitsToKeep}, E), or (1, P, E) for the P tokens of chunks
     */
    NDArray keptTokens(NDArray x) {
        int all = IntStream.of(kept).sum();
        if (all == batch * tokens) {
            return x;
        }
        NDArray packed = x.reshape((long) batch * tokens, -1);
        NDList last = new NDList();
        for (int i = 0; i < kept.length; ++i) {
            if (kept[i] > 0) {
                int end = begins[i + 1];
                last.add(packed.get(new NDIndex().addSliceDim(end - kept[i], end)));
            }
        }
        // contiguous: with rows at a distance of T · E, PyTorch multiplies bfloat16 at a tenth of
        // the speed
        return NDArrays.concat(last, 0).reshape(batch, all / batch, -1);
    }

    /** Returns whether a sequence has several new tokens, or none before. */
    boolean isPrefill() {
        return caches.isEmpty()
                || positions.length > caches.size()
                || caches.stream().anyMatch(pass -> pass.keyValues().length() == 0);
    }

    /** Returns whether {@link Kernels#attention} needs a mask besides causality and window. */
    boolean needsMask() {
        return additiveMask != null || padding != null || attentions || !causal;
    }

    /** Returns the additive mask, float32 (N, K); null if none is needed. */
    @Nullable NDArray mask(int window) {
        if (!needsMask()) {
            return null;
        }
        NDArray mask =
                additiveMask != null
                        ? additiveMask
                        : causal
                                ? AttentionMask.additive(
                                        scope,
                                        batch,
                                        past(caches, true),
                                        tokens,
                                        keyPositions(window),
                                        window,
                                        padding)
                                : AttentionMask.bidirectional(
                                        scope, batch, tokens, window, padding);
        return mask.reshape((long) batch * tokens, -1);
    }

    /** The positions of the K keys. */
    private int[] keyPositions(int window) {
        int past = past(caches, true);
        int end = past + tokens;
        return IntStream.range(end - keys(past, tokens, window), end).toArray();
    }

    /** Returns the number K of the last keys that a token of the pass could attend to. */
    private static int keys(int past, int tokens, int window) {
        int end = past + tokens;
        return window == 0 ? end : Math.min(end, window - 1 + tokens);
    }

    /** Unlocks the caches. */
    @Override
    public void close() {
        caches.forEach(SequenceCache.Pass::close);
    }
}
