/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a Mistral network on a device. The blocks of the network call them.
 *
 * <p>Letters in shapes: B batch size, T tokens of the pass, K keys, C capacity of the KV cache, V
 * vocabulary size, E hidden size, I intermediate size, H query heads, G key/value heads (H is a
 * multiple of G), D head size.
 *
 * <p>Every result belongs to the {@link NDManager} of the first argument. Implementations are
 * immutable and thread-safe. Arrays have the data type {@link #dtype()}, which DJL may not support
 * (a bfloat16 array has the type {@code UNKNOWN}): use them with these operations and with
 * arithmetic only.
 */
public interface Kernels {

    /** Returns the name of the kernels, such as {@code "torch"}, see {@link ComputeOptions}. */
    String name();

    /** Returns the data type of weights, activations and caches. */
    Dtype dtype();

    /** Returns kernels with the same results that propagate gradients. */
    Kernels training();

    /**
     * Loads a tensor of a checkpoint as {@link #dtype()}. Its bytes are used in place if type and
     * device allow.
     *
     * @param manager the manager of the array, which has its device
     * @param tensor a floating-point tensor
     * @return an array of the same shape
     */
    NDArray load(NDManager manager, Tensor tensor);

    /**
     * Creates an array of zeros of {@link #dtype()}.
     *
     * @param manager the manager of the array, which has its device
     * @param shape the shape
     * @return the array
     */
    NDArray zeros(NDManager manager, Shape shape);

    /**
     * Converts to float32.
     *
     * @param x an array of {@link #dtype()}
     * @return the array in float32; {@code x} itself if it is float32
     */
    NDArray toFloat32(NDArray x);

    /**
     * Looks up token embeddings.
     *
     * @param ids token ids, int64 (B, T)
     * @param weight the embedding table (V, E)
     * @return (B, T, E)
     */
    NDArray embedding(NDArray ids, NDArray weight);

    /**
     * Linear layer without a bias.
     *
     * @param x (..., in)
     * @param weight (out, in)
     * @return x · weightᵀ, (..., out)
     */
    NDArray linear(NDArray x, NDArray weight);

    /**
     * Creates a linear layer with a quantized weight, packed for the device.
     *
     * @param manager the manager that owns packed data, and its device
     * @param weight (out, in)
     * @return the layer; it propagates gradients to its input if these kernels do
     */
    QuantizedLinear quantized(NDManager manager, QuantizedWeight weight);

    /**
     * Looks up token embeddings in a quantized table.
     *
     * @param ids token ids, int64 (B, T)
     * @param weight the embedding table (V, E)
     * @return (B, T, E)
     */
    NDArray embedding(NDArray ids, QuantizedWeight weight);

    /**
     * RMS norm (Zhang and Sennrich 2019), with the casts of {@code MistralRMSNorm}: {@code weight *
     * cast(x / sqrt(mean(x²) + eps))}, with the inner part in float32.
     *
     * @param x (..., E)
     * @param weight (E)
     * @param eps epsilon, added to the mean square, about 1e-5
     * @return (..., E)
     */
    NDArray rmsNorm(NDArray x, NDArray weight, float eps);

    /**
     * SwiGLU, {@code silu(gate) * up} (Shazeer 2020).
     *
     * @param gate (B, T, I)
     * @param up (B, T, I)
     * @return (B, T, I)
     */
    NDArray swiGlu(NDArray gate, NDArray up);

    /**
     * Cosine and sine of the rotary embedding, {@code cos(p·f)} and {@code sin(p·f)}, computed in
     * float32 and then cast, as in {@code MistralRotaryEmbedding}.
     *
     * @param positions int64 (B, T)
     * @param inverseFrequencies float32 (D/2)
     * @return cosine and sine, each (B, 1, T, D); the second half repeats the first
     */
    NDList rotaryTables(NDArray positions, NDArray inverseFrequencies);

    /**
     * Splits queries, keys and values into heads, applies the rotary embedding to queries and keys
     * (element i pairs with element i + D/2), and writes keys and values to the cache if there is
     * one.
     *
     * @param q (B, T, H·D)
     * @param k (B, T, G·D)
     * @param v (B, T, G·D)
     * @param tables the result of {@link #rotaryTables}
     * @param cache the slots of the cache to write to, or null
     * @return q (B, H, T, D), k (B, G, T, D), v (B, G, T, D)
     */
    NDList rotary(NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache);

    /**
     * Scaled dot-product attention with grouped queries: query head h uses key/value head h /
     * (H/G).
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
    NDArray attention(NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window);

    /**
     * Attention weights: softmax of the scaled scores, in float32, then cast.
     *
     * @param q (B, H, T, D)
     * @param k (B, G, K, D)
     * @param mask additive mask, float32 (B, 1, T, K)
     * @return (B, H, T, K); the sum of each row is 1
     */
    NDArray attentionWeights(NDArray q, NDArray k, NDArray mask);

    /**
     * The slots of a KV cache that {@link #rotary} writes to.
     *
     * @param keys the keys (B, G, C, D), modified in place
     * @param values the values (B, G, C, D), modified in place
     * @param slots int64 (S), S at most T: the slots of the last S tokens
     */
    record CacheSlots(NDArray keys, NDArray values, NDArray slots) {}
}
