/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.cache.SlotKvCache;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a forward pass, checked against the network, so that no kernel computes an
 * address from invalid arguments. The arrays belong to the pass: the caller may close its own
 * meanwhile.
 *
 * @param scope the manager of the pass
 * @param ids B · T token ids, row-major; null if embeddings are given
 * @param embeddings (B, T, E), or null
 * @param batch B
 * @param tokens T
 * @param past number of tokens that the cache has seen
 * @param positions the rotary positions, B · T
 * @param padding the padding mask; null if no query attends to padding
 * @param additiveMask the 4D attention mask, or null
 * @param causal whether attention is causal; else bidirectional
 * @param cache the cache's part in the pass, or null
 * @param logitsToKeep number of last tokens of each row to compute logits for, 1 to T
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
        int past,
        long[] positions,
        AttentionMask.@Nullable Padding padding,
        @Nullable NDArray additiveMask,
        boolean causal,
        SlotKvCache.@Nullable Pass cache,
        int logitsToKeep,
        boolean hiddenStates,
        boolean attentions)
        implements AutoCloseable {

    /**
     * Checks the arguments of a pass.
     *
     * @throws IllegalArgumentException if they do not fit the network or each other
     * @throws IllegalStateException if the cache cannot take the pass, see {@link
     *     SlotKvCache#begin}
     */
    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    static PassInput of(
            ForwardInput input, MistralConfig config, Kernels kernels, NDManager scope) {
        NDArray head = input.head();
        boolean isIds = head == input.inputIds;
        Shape shape = head.getShape();
        if (shape.dimension() != (isIds ? 2 : 3) || shape.size() == 0) {
            throw new IllegalArgumentException(
                    isIds
                            ? "input_ids must have the shape (batch, tokens), have " + shape
                            : "inputs_embeds must have the shape (batch, tokens, hidden size), have"
                                    + " "
                                    + shape);
        }
        int batch = Math.toIntExact(shape.get(0));
        int tokens = Math.toIntExact(shape.get(1));
        SlotKvCache cache = cache(input.cache);
        if (cache != null) {
            config.requireCausal();
            check(cache, batch, head, config, kernels);
        }
        SlotKvCache.Pass pass = cache == null ? null : cache.begin(tokens);
        try {
            int past = cache == null ? 0 : cache.length();
            NDArray mask = input.attentionMask;
            boolean additive = mask != null && mask.getShape().dimension() == 4;
            return new PassInput(
                    scope,
                    isIds ? ids(head, config.vocabSize()) : null,
                    isIds ? null : embeddings(head, config, kernels.activations(), scope),
                    batch,
                    tokens,
                    past,
                    positions(input.positionIds, batch, tokens, past),
                    padding(input, batch, past, tokens, config.window()),
                    mask == null || !additive ? null : additive(mask, batch, tokens, pass, scope),
                    config.isCausal(),
                    pass,
                    input.logitsToKeep == 0 ? tokens : Math.min(tokens, input.logitsToKeep),
                    input.outputHiddenStates,
                    input.outputAttentions);
        } catch (RuntimeException | Error e) {
            if (pass != null) {
                pass.close();
            }
            throw e;
        }
    }

    /** Returns DJL's data type, which for bfloat16 is UNKNOWN. */
    static DataType dataType(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> DataType.FLOAT32;
            case FLOAT16 -> DataType.FLOAT16;
            default -> DataType.UNKNOWN;
        };
    }

    private static long[] integers(String name, NDArray array) {
        if (!array.getDataType().isInteger()) {
            throw new IllegalArgumentException(
                    name + " must be integers, int64 say, are " + array.getDataType());
        }
        return longs(array);
    }

    /** Copies an array to the heap. A cast to the same type would return the array itself. */
    private static long[] longs(NDArray array) {
        if (array.getDataType() == DataType.INT64) {
            return array.toLongArray();
        }
        try (NDArray cast = array.toType(DataType.INT64, false)) {
            return cast.toLongArray();
        }
    }

    private static long[] ids(NDArray array, int vocabulary) {
        long[] ids = integers("input_ids", array);
        for (long id : ids) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException(
                        "input_ids hold "
                                + id
                                + ", the vocabulary has 0 to "
                                + (vocabulary - 1)
                                + ": encode with the tokenizer of this model");
            }
        }
        return ids;
    }

    private static NDArray embeddings(
            NDArray array, MistralConfig config, Dtype dtype, NDManager scope) {
        if (array.getShape().get(2) != config.hiddenSize()) {
            throw new IllegalArgumentException(
                    "inputs_embeds must have the shape (batch, tokens, "
                            + config.hiddenSize()
                            + "), have "
                            + array.getShape());
        }
        if (array.getDataType() != dataType(dtype)) {
            throw new IllegalArgumentException(
                    "inputs_embeds must be "
                            + dtype
                            + " as this network is, are "
                            + array.getDataType());
        }
        return view(array, scope);
    }

    /** Returns another handle of the same memory, through which gradients flow. */
    private static NDArray view(NDArray array, NDManager scope) {
        NDArray view = array.reshape(array.getShape());
        view.attach(scope);
        return view;
    }

    private static long[] positions(@Nullable NDArray given, int batch, int tokens, int past) {
        if (given == null) {
            return repeated(LongStream.range(past, (long) past + tokens).toArray(), batch);
        }
        Shape shape = given.getShape();
        if (!shape.equals(new Shape(batch, tokens)) && !shape.equals(new Shape(1, tokens))) {
            throw new IllegalArgumentException(
                    "position_ids must have the shape "
                            + new Shape(batch, tokens)
                            + " of this pass, or "
                            + new Shape(1, tokens)
                            + ", have "
                            + shape);
        }
        long[] positions = integers("position_ids", given);
        for (long position : positions) {
            if (position < 0 || position > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "position_ids hold " + position + ", must be from 0 to 2^31 - 1");
            }
        }
        return shape.get(0) == batch ? positions : repeated(positions, batch);
    }

    private static long[] repeated(long[] row, int batch) {
        long[] all = new long[batch * row.length];
        Arrays.setAll(all, i -> row[i % row.length]);
        return all;
    }

    private static @Nullable SlotKvCache cache(@Nullable KvCache given) {
        if (given == null || given instanceof SlotKvCache) {
            return (SlotKvCache) given;
        }
        throw new IllegalArgumentException(
                "the cache is a " + given.getClass().getName() + "; make it with newCache");
    }

    private static void check(
            SlotKvCache cache, int batch, NDArray head, MistralConfig config, Kernels kernels) {
        if (cache.batch() != batch) {
            throw new IllegalArgumentException(
                    "the cache has " + cache.batch() + " rows, the input " + batch);
        }
        if (cache.rolling() && cache.capacity() != config.window()) {
            throw new IllegalArgumentException(
                    "a rolling cache must have as many slots as the sliding window, "
                            + config.window()
                            + ", has "
                            + cache.capacity());
        }
        Shape shape =
                new Shape(batch, config.numKeyValueHeads(), cache.capacity(), config.headDim());
        if (cache.layers() != config.numHiddenLayers()
                || !cache.shape().equals(shape)
                || cache.dtype() != kernels.dtype()
                || !cache.kernels().equals(kernels.name())
                || !cache.device().equals(head.getDevice())) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "this cache is another network's: it has %d layers of %s in %s for %s"
                                    + " kernels on %s, this network needs %d of %s in %s for %s"
                                    + " kernels on %s; make it with"
                                    + " newCache of this network",
                            cache.layers(),
                            cache.shape(),
                            cache.dtype(),
                            cache.kernels(),
                            cache.device(),
                            config.numHiddenLayers(),
                            shape,
                            kernels.dtype(),
                            kernels.name(),
                            head.getDevice()));
        }
    }

    /** Returns the padding mask, or null where no query of the pass attends to padding. */
    private static AttentionMask.@Nullable Padding padding(
            ForwardInput input, int batch, int past, int tokens, int window) {
        int end = past + tokens;
        int first = window == 0 ? 0 : Math.max(0, past - window + 1);
        NDArray mask = input.attentionMask;
        int[] left = input.leftPadding;
        if (left != null) {
            if (mask != null || left.length != batch) {
                throw new IllegalArgumentException(
                        mask != null
                                ? "give either attention_mask or the left padding, not both"
                                : "the left padding is given for "
                                        + left.length
                                        + " rows, the input has "
                                        + batch);
            }
            boolean none = IntStream.of(left).allMatch(padding -> padding <= first);
            return none ? null : (row, position) -> position < left[row];
        }
        if (mask == null || mask.getShape().dimension() == 4) {
            return null;
        }
        if (!mask.getShape().equals(new Shape(batch, end))) {
            throw new IllegalArgumentException(
                    "attention_mask must be "
                            + new Shape(batch, end)
                            + ", one number for each token seen so far and now, is "
                            + mask.getShape());
        }
        long[] kept = longs(mask);
        for (int b = 0; b < batch; ++b) {
            for (int p = first; p < end; ++p) {
                if (kept[b * end + p] == 0) {
                    return (row, position) -> kept[row * end + position] == 0;
                }
            }
        }
        return null;
    }

    private static NDArray additive(
            NDArray mask,
            int batch,
            int tokens,
            SlotKvCache.@Nullable Pass cache,
            NDManager scope) {
        int keys = cache == null ? tokens : cache.keys();
        Shape wanted = new Shape(batch, 1, tokens, keys);
        if (!mask.getShape().equals(wanted)) {
            throw new IllegalArgumentException(
                    "a 4D attention mask must be " + wanted + ", is " + mask.getShape());
        }
        if (mask.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "a 4D attention mask must be float32, is " + mask.getDataType());
        }
        return view(mask, scope);
    }

    /** Returns the packed tokens (N, E) as sequences (B, T, E). */
    NDArray sequences(NDArray x) {
        return x.reshape(batch, tokens, -1);
    }

    /**
     * Selects the tokens to compute logits for.
     *
     * @param x (B, T, E)
     * @return (B, {@code logitsToKeep}, E)
     */
    NDArray keptTokens(NDArray x) {
        if (logitsToKeep == tokens) {
            return x;
        }
        NDArray last = x.get(new NDIndex().addAllDim().addSliceDim(tokens - logitsToKeep, tokens));
        // contiguous: with rows at a distance of T · E, PyTorch multiplies bfloat16 at a tenth of
        // the speed
        return last.flatten().reshape(last.getShape());
    }

    /** Returns whether {@link Kernels#attention} needs a mask besides causality and window. */
    boolean needsMask() {
        return additiveMask != null || padding != null || attentions || !causal;
    }

    /** Returns the additive mask, float32 (B, 1, T, K); null if none is needed. */
    @Nullable NDArray mask(int window) {
        if (additiveMask != null || !needsMask()) {
            return additiveMask;
        }
        if (!causal) {
            return AttentionMask.bidirectional(scope, batch, tokens, window, padding);
        }
        return AttentionMask.additive(scope, batch, past, tokens, keyPositions(), window, padding);
    }

    /** The positions of the K keys: the last ones that a token of the pass could attend to. */
    private int[] keyPositions() {
        int end = past + tokens;
        return IntStream.range(end - (cache == null ? tokens : cache.keys()), end).toArray();
    }

    /** Unlocks the cache. */
    @Override
    public void close() {
        if (cache != null) {
            cache.close();
        }
    }
}
