/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a forward pass, under the reference's names ({@code MistralModel.forward}).
 * Letters in shapes: B batch size, T tokens of this pass, K keys (cached ones and T), E hidden
 * size.
 */
public final class ForwardInput {

    final @Nullable NDArray inputIds;
    final @Nullable NDArray inputsEmbeds;
    @Nullable NDArray attentionMask;
    @Nullable NDArray positionIds;
    List<KvCache> caches = List.of();
    int logitsToKeep;
    boolean outputHiddenStates;
    boolean outputAttentions;

    private ForwardInput(@Nullable NDArray inputIds, @Nullable NDArray inputsEmbeds) {
        this.inputIds = inputIds;
        this.inputsEmbeds = inputsEmbeds;
    }

    /**
     * Makes the arguments for token ids.
     *
     * @param inputIds int64 (B, T)
     * @return arguments with everything else left out
     */
    public static ForwardInput ofIds(NDArray inputIds) {
        return new ForwardInput(inputIds, null);
    }

    /** Reads a block's input list: {@code input_ids}, and optionally mask and positions. */
    static ForwardInput of(NDList inputs) {
        if (inputs.isEmpty() || inputs.size() > 3) {
            throw new IllegalArgumentException(
                    "expected input_ids and optionally attention_mask and position_ids, got "
                            + inputs.size()
                            + " arrays");
        }
        return ofIds(inputs.get(0))
                .attentionMask(inputs.size() > 1 ? inputs.get(1) : null)
                .positionIds(inputs.size() > 2 ? inputs.get(2) : null);
    }

    /**
     * Makes the arguments for embeddings.
     *
     * @param inputsEmbeds (B, T, E), in the type of the kernels
     * @return arguments with everything else left out
     */
    public static ForwardInput ofEmbeddings(NDArray inputsEmbeds) {
        return new ForwardInput(null, inputsEmbeds);
    }

    /**
     * Sets the attention mask.
     *
     * @param mask int64 (B, number of cached tokens + T), 1 for a token and 0 for padding; or
     *     float32 (B, 1, T, K), which is added to the attention scores
     * @return this
     */
    public ForwardInput attentionMask(@Nullable NDArray mask) {
        attentionMask = mask;
        return this;
    }

    /**
     * Sets the positions of the rotary embedding. By default they continue from the length of the
     * row's cache, regardless of the mask; {@code generate} derives them from the mask.
     *
     * @param positions int64 (B, T) or (1, T)
     * @return this
     */
    public ForwardInput positionIds(@Nullable NDArray positions) {
        positionIds = positions;
        return this;
    }

    /**
     * Sets the KV caches ({@code past_key_values}), which the pass extends. With an attention mask,
     * all of them have seen equally many tokens.
     *
     * @param rows the cache of each of the B rows; none for a pass without a cache
     * @return this
     */
    public ForwardInput caches(List<? extends KvCache> rows) {
        caches = List.copyOf(rows);
        return this;
    }

    /**
     * Sets the KV cache of a single row, see {@link #caches}.
     *
     * @param row the cache
     * @return this
     */
    public ForwardInput cache(KvCache row) {
        return caches(List.of(row));
    }

    /**
     * Requests the logits of the last tokens only.
     *
     * @param last how many; 0 for all
     * @return this
     */
    public ForwardInput logitsToKeep(int last) {
        if (last < 0) {
            throw new IllegalArgumentException(
                    "logitsToKeep is " + last + ", must not be negative");
        }
        logitsToKeep = last;
        return this;
    }

    /**
     * Requests the hidden states.
     *
     * @return this
     */
    public ForwardInput outputHiddenStates() {
        outputHiddenStates = true;
        return this;
    }

    /**
     * Requests the attention weights. Attention is then computed without the fused kernel.
     *
     * @return this
     */
    public ForwardInput outputAttentions() {
        outputAttentions = true;
        return this;
    }

    NDArray head() {
        if (inputIds != null) {
            return inputIds;
        }
        if (inputsEmbeds != null) {
            return inputsEmbeds;
        }
        throw new AssertionError("the factories set one of the two");
    }

    NDManager manager() {
        return head().getManager();
    }
}
