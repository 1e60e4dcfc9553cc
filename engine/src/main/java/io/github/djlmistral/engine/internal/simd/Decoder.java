/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/**
 * Computes forward passes over few tokens, from token ids to logits, without the engine: decode
 * steps of a batch, and short drafts of speculative decoding.
 *
 * <p>The results are those of the blocks, in float32 but for two roundings: keys and values to the
 * data type of the cache, and the inputs of int4 weights to int8, with a scale for each group.
 * Thread-safe; passes of several threads run one after the other.
 */
public interface Decoder {

    /** Maximum number of tokens of a pass, all rows together. */
    int MAX_TOKENS = 8;

    /**
     * Runs a pass and writes its keys and values to the cache.
     *
     * @param pass the arguments of the pass
     * @return logits, float32 (B, kept, V), in the manager of the pass
     */
    NDArray forward(Pass pass);

    /**
     * Returns whether the memory of the network's arrays is where it was when the decoder was
     * created; {@code NDArray.set} moves it.
     */
    boolean isCurrent();

    /** Returns vector width and number of threads, as a text for the user. */
    String description();

    /**
     * One pass of T tokens in B rows, over a cache with C slots.
     *
     * @param manager the manager of the result
     * @param ids B · T token ids, row-major
     * @param batch B
     * @param tokens T; B · T is at most {@link #MAX_TOKENS}
     * @param positions B · T positions, for the rotary embedding
     * @param keys the keys of each layer, (B, G, C, D)
     * @param values the values of each layer, (B, G, C, D)
     * @param past number of tokens that the cache has seen; the token at position p is in slot p
     *     mod C, and if T is more than 1, {@code past + T} is at most C
     * @param mask additive attention mask (B, T, K) for the K slots in use; null for a causal mask
     *     within the window
     * @param kept number of tokens at the end of each row to compute logits for
     */
    // Created for one call, which alone reads it.
    @SuppressWarnings("ArrayRecordComponent")
    record Pass(
            NDManager manager,
            long[] ids,
            int batch,
            int tokens,
            long[] positions,
            NDArray[] keys,
            NDArray[] values,
            int past,
            float @Nullable [] mask,
            int kept) {}
}
