/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/**
 * Computes whole passes of few tokens, from token ids to logits, without the engine: single tokens,
 * rows of a batch, a few tokens that are checked at once.
 *
 * <p>It computes what the blocks compute, in float32 but for two roundings: caches have a type of
 * their own, and inputs of 4-bit matrices are rounded to 8 bits, with a scale for each group.
 * Thread-safe; passes of several threads wait for each other.
 */
public interface Decoder {

    /** How many tokens, of all rows together, a pass may have. */
    int MAX_TOKENS = 8;

    /**
     * Runs one pass and writes its keys and values into the cache.
     *
     * @param pass the arguments
     * @return logits, float32 (B, kept, V), in the manager of the pass
     */
    NDArray forward(Pass pass);

    /**
     * Returns whether the network's arrays still have their memory where it was when the decoder
     * was made: {@code NDArray.set} moves it.
     */
    boolean isCurrent();

    /** Returns how it computes, for the user: vector width and threads. */
    String description();

    /**
     * One pass of T tokens in B rows, over a cache with C slots.
     *
     * @param manager what the result belongs to
     * @param ids B · T token ids, row by row
     * @param batch B
     * @param tokens T; B · T is at most {@link #MAX_TOKENS}
     * @param positions B · T positions, for the rotation
     * @param keys of each layer, (B, G, C, D)
     * @param values of each layer, (B, G, C, D)
     * @param past how many tokens the cache has seen; the token at position p is in slot p mod C,
     *     and if T is more than 1, {@code past + T} is at most C
     * @param mask added to the attention scores, B · T · K numbers for the K slots in use; null for
     *     causal within the window
     * @param kept of how many last tokens of each row logits are wanted
     */
    // Made for one call and read by it alone.
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
