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
 * The operations of a Mistral network on one device. Blocks say <em>what</em> is computed and call
 * these; an implementation says <em>how</em>.
 *
 * <p>Letters in shapes: B batch, T tokens of this pass, K keys that the tokens may see, C capacity
 * of a cache, E hidden size, H query heads, G key/value heads (H is a multiple of G), D head size.
 *
 * <p>Every result belongs to the {@link NDManager} of the first argument. Implementations are
 * stateless after construction and may be used by many threads. Arrays have the type {@link
 * #dtype()}, which DJL itself may not know (a bfloat16 array says {@code UNKNOWN}): pass them to
 * these operations and to plain arithmetic only.
 */
public interface Kernels {

    /** Returns the name users choose these kernels by, {@code "reference"} or {@code "torch"}. */
    String name();

    /** Returns the type that weights, activations and caches have. */
    Dtype dtype();

    /** Returns kernels that compute the same and carry gradients. */
    Kernels training();

    /**
     * Makes an array of a checkpoint's tensor, in {@link #dtype()}; its mapped bytes are used as
     * they are where type and device allow.
     *
     * @param manager the manager that keeps the array, and its device
     * @param tensor a floating-point tensor
     * @return the array, of the tensor's shape
     */
    NDArray load(NDManager manager, Tensor tensor);

    /**
     * Makes an array of zeros in {@link #dtype()}.
     *
     * @param manager the manager that keeps the array, and its device
     * @param shape the shape
     * @return the array
     */
    NDArray zeros(NDManager manager, Shape shape);

    /**
     * Converts to float32.
     *
     * @param x an array in {@link #dtype()}
     * @return the array itself where it is float32 already
     */
    NDArray toFloat32(NDArray x);

    /**
     * Looks tokens up.
     *
     * @param ids token ids, int64 (B, T)
     * @param weight the table (V, E)
     * @return (B, T, E)
     */
    NDArray embedding(NDArray ids, NDArray weight);

    /**
     * Multiplies with a weight, without a bias.
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
     * @return the layer; gradients reach its input where these kernels carry them
     */
    QuantizedLinear quantized(NDManager manager, QuantizedWeight weight);

    /**
     * Looks tokens up in a quantized embedding table.
     *
     * @param ids token ids, int64 (B, T)
     * @param weight the table (V, E)
     * @return (B, T, E)
     */
    NDArray embedding(NDArray ids, QuantizedWeight weight);

    /**
     * Root-mean-square norm (Zhang and Sennrich 2019), in the order of casts of {@code
     * MistralRMSNorm}: {@code weight * cast(x / sqrt(mean(x²) + eps))}, the inner part in float32.
     *
     * @param x (..., E)
     * @param weight (E)
     * @param eps added to the mean, of the order 1e-5
     * @return (..., E)
     */
    NDArray rmsNorm(NDArray x, NDArray weight, float eps);

    /**
     * The gate of the feed-forward network, {@code silu(gate) * up} (Shazeer 2020).
     *
     * @param gate (B, T, I)
     * @param up (B, T, I)
     * @return (B, T, I)
     */
    NDArray swiGlu(NDArray gate, NDArray up);

    /**
     * The rotary tables of a pass, {@code cos(p·f)} and {@code sin(p·f)}, computed in float32 and
     * then cast, as {@code MistralRotaryEmbedding} does.
     *
     * @param positions int64 (B, T)
     * @param inverseFrequencies float32 (D/2)
     * @return cosine and sine, each (B, 1, T, D), the second half repeating the first
     */
    NDList rotaryTables(NDArray positions, NDArray inverseFrequencies);

    /**
     * Splits queries, keys and values into heads, rotates the first two (half-split layout: element
     * i pairs with element i + D/2), and writes keys and values into a cache where one is given.
     *
     * @param q (B, T, H·D)
     * @param k (B, T, G·D)
     * @param v (B, T, G·D)
     * @param tables what {@link #rotaryTables} gave
     * @param cache where the last {@code slots} tokens go, or null
     * @return q (B, H, T, D), k (B, G, T, D), v (B, G, T, D)
     */
    NDList rotary(NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache);

    /**
     * Scaled dot-product attention with grouped queries: query head h reads key head h / (H/G).
     *
     * <p>Without a mask the T queries are the last T of the K keys: query i sees key j where {@code
     * i + K - T - window < j <= i + K - T}. No array of T × K elements is made for that. A single
     * query sees its last {@code window} keys, in whatever order these are.
     *
     * @param q (B, H, T, D)
     * @param k (B, G, K, D)
     * @param v (B, G, K, D)
     * @param mask added to the scores, float32 (B, 1, T, K), instead of the rule above; or null
     * @param window how many keys a query sees, itself included; 0 for all
     * @return (B, T, H·D)
     */
    NDArray attention(NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window);

    /**
     * The weights that {@link #attention} gives each key: softmax of the scaled scores, in float32,
     * then cast.
     *
     * @param q (B, H, T, D)
     * @param k (B, G, K, D)
     * @param mask added to the scores, float32 (B, 1, T, K)
     * @return (B, H, T, K), each row of sum 1
     */
    NDArray attentionWeights(NDArray q, NDArray k, NDArray mask);

    /**
     * Where {@link #rotary} writes.
     *
     * @param keys (B, G, C, D), changed in place
     * @param values (B, G, C, D), changed in place
     * @param slots int64 (S), S at most T: the slot of each of the last S tokens
     */
    record CacheSlots(NDArray keys, NDArray values, NDArray slots) {}
}
