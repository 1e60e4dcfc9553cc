/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import org.jspecify.annotations.Nullable;

/**
 * Kernels whose attention consists of several operations: rotary embedding with the write to the
 * cache, and scaled dot-product attention, of B sequences with T new tokens each.
 */
public abstract class UnfusedKernels implements Kernels {

    /** Creates an array of zeros of {@link #dtype()}. */
    public abstract NDArray zeros(NDManager manager, Shape shape);

    /**
     * Returns the bits of an array of {@link #dtype()}, contiguous, in a data type of the same size
     * that DJL supports.
     */
    public NDArray bits(NDArray array) {
        return array.duplicate();
    }

    /**
     * Cosine and sine of the rotary embedding, {@code cos(p·f)} and {@code sin(p·f)}, computed in
     * float32 and then cast, as in {@code MistralRotaryEmbedding}.
     *
     * @param positions int64 (B, T)
     * @param inverseFrequencies float32 (D/2)
     * @return cosine and sine, each (B, 1, T, D); the second half repeats the first
     */
    public abstract NDList rotaryTables(NDArray positions, NDArray inverseFrequencies);

    /**
     * Splits queries, keys and values into heads, applies the rotary embedding to queries and keys,
     * and writes keys and values to the cache if there is one.
     *
     * @param q (B, T, H·D)
     * @param k (B, T, G·D)
     * @param v (B, T, G·D)
     * @param tables the result of {@link #rotaryTables}
     * @param cache the slots of the cache to write to, or null
     * @return q (B, H, T, D), k (B, G, T, D), v (B, G, T, D)
     */
    public abstract NDList rotary(
            NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache);

    /**
     * Scaled dot-product attention with grouped queries.
     *
     * <p>Without a mask the queries belong to the last T of the K keys: query i attends to key j if
     * {@code i + K - T - window < j <= i + K - T}. No array of T × K elements is allocated for
     * that. A single query attends to the last {@code window} keys, in any order.
     *
     * @param q (B, H, T, D)
     * @param k (B, G, K, D)
     * @param v (B, G, K, D)
     * @param mask additive mask, float32 (B, 1, T, K), which replaces the rule above; or null
     * @param window number of keys that a query attends to, its own included; 0 for all
     * @return (B, T, H·D)
     */
    public abstract NDArray attend(
            NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window);

    /**
     * Attention weights: softmax of the scaled scores, in float32, then cast.
     *
     * @param q (B, H, T, D)
     * @param k (B, G, K, D)
     * @param mask additive mask, float32 (B, 1, T, K)
     * @return (B, H, T, K); the sum of each row is 1
     */
    public abstract NDArray attentionWeights(NDArray q, NDArray k, NDArray mask);

    /**
     * The slots of a KV cache that {@link #rotary} writes to.
     *
     * @param keys the keys (1, G, C, D), modified in place
     * @param values the values (1, G, C, D), modified in place
     * @param slots int64 (T): the slots of the new tokens, which follow each other
     */
    public record CacheSlots(NDArray keys, NDArray values, NDArray slots) {}

    @Override
    public final KeyValues newKeyValues(
            NDManager manager, int layers, int heads, int size, int window) {
        return new ContiguousKeyValues(this, manager, layers, heads, size, window);
    }

    @Override
    public NDArray add(NDArray x, NDArray y) {
        return x.add(y);
    }

    @Override
    public final Attention attention(NDManager scope, AttentionInput input) {
        return new UnfusedAttention(this, scope, input);
    }
}
