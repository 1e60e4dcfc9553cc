/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a Mistral network on a device. The blocks of the network call them.
 *
 * <p>Letters in shapes: B number of sequences, N new tokens of all sequences, packed, T new tokens
 * of a sequence, K keys, V vocabulary size, E hidden size, I intermediate size, H query heads, G
 * key/value heads (H is a multiple of G), D head size.
 *
 * <p>Every result belongs to the {@link NDManager} of the first argument. It may be an array of the
 * kernels, which supports only these operations, {@code reshape} and reading its elements: {@link
 * #toFloat32} makes an array of the engine.
 *
 * <p>Implementations are immutable and thread-safe. Weights have the data type {@link #dtype()},
 * which DJL may not support (a bfloat16 array has the type {@code UNKNOWN}): use them with these
 * operations only.
 */
public interface Kernels {

    /** Returns the name of the kernels, such as {@code "torch"}, see {@link ComputeOptions}. */
    String name();

    /** Returns the data type of unquantized weights. */
    Dtype dtype();

    /** Returns the data type of KV caches. */
    default Dtype cacheDtype() {
        return dtype();
    }

    /** Returns the data type of activations. */
    default Dtype activations() {
        return dtype();
    }

    /**
     * Returns kernels for the same weights that propagate gradients. Their activations have the
     * data type {@link #dtype()}.
     */
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
     * Creates the KV cache of a sequence.
     *
     * @param manager the manager for arrays, which has their device
     * @param layers the number of layers
     * @param heads the number of key/value heads G of a layer
     * @param size the head size D
     * @param window the number of keys that a token attends to, its own included; 0 for all
     * @return an empty cache
     */
    KeyValues newKeyValues(NDManager manager, int layers, int heads, int size, int window);

    /**
     * Converts to an array of the engine in float32.
     *
     * @param x activations
     * @return the array in float32; {@code x} itself if it is one
     */
    NDArray toFloat32(NDArray x);

    /**
     * Looks up token embeddings.
     *
     * @param ids token ids, int64 (N)
     * @param weight the embedding table (V, E)
     * @return (N, E)
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
     * Adds what a low-rank adapter computes, in float32, to the output of a linear layer.
     *
     * @param y the output of the layer without the adapter (..., out)
     * @param x the input of the layer (..., in)
     * @param a float32 (r, in)
     * @param b float32 (out, r)
     * @param scale the factor of the product
     * @return y + scale · (x · aᵀ) · bᵀ, (..., out), in the data type of activations; these kernels
     *     propagate gradients to all four arrays if they do so at all
     */
    NDArray lora(NDArray y, NDArray x, NDArray a, NDArray b, float scale);

    /**
     * Linear layer without a bias, whose weight is float32 whatever {@link #dtype()} is.
     *
     * @param x (..., in)
     * @param weight float32 (out, in)
     * @return x · weightᵀ, float32 (..., out)
     */
    NDArray linearFloat32(NDArray x, NDArray weight);

    /**
     * Looks up token embeddings in a table of float32, whatever {@link #dtype()} is.
     *
     * @param ids token ids, int64 (N)
     * @param weight the embedding table, float32 (V, E)
     * @return (N, E), in the data type of activations
     */
    NDArray embeddingFloat32(NDArray ids, NDArray weight);

    /**
     * Looks up token embeddings in a quantized table.
     *
     * @param ids token ids, int64 (N)
     * @param weight the embedding table (V, E)
     * @return (N, E)
     */
    NDArray embedding(NDArray ids, QuantizedWeight weight);

    /**
     * Adds activations, as residual connections do.
     *
     * @param x (N, E)
     * @param y (N, E)
     * @return x + y, (N, E)
     */
    NDArray add(NDArray x, NDArray y);

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
     * @param gate (N, I)
     * @param up (N, I)
     * @return (N, I)
     */
    NDArray swiGlu(NDArray gate, NDArray up);

    /**
     * Computes the log-probabilities of tokens, in float32 and without a graph for gradients.
     *
     * @param logits (N, V)
     * @param labels token ids, int64 (N)
     * @param means whether the means over the vocabulary are computed, too
     * @return {@code log softmax(logits)} at the labels, float32 (N); and its mean over the
     *     vocabulary, float32 (N), if it is wanted
     */
    NDList logProbabilities(NDArray logits, NDArray labels, boolean means);

    /**
     * Computes the gradient of a loss with respect to logits, in float32 and without a graph, from
     * those with respect to the results of {@link #logProbabilities}: {@code g · (onehot(label) -
     * p) + m · (1 / V - p)} for {@code p = softmax(logits)}.
     *
     * @param logits (N, V)
     * @param labels token ids, int64 (N)
     * @param gradients g, float32 (N), with respect to the log-probabilities
     * @param meanGradients m, float32 (N), with respect to their means; null for zeros
     * @return (N, V) in the data type of the logits
     */
    NDArray logProbabilityGradients(
            NDArray logits, NDArray labels, NDArray gradients, @Nullable NDArray meanGradients);

    /**
     * Prepares the attention of a forward pass.
     *
     * @param scope the manager of arrays that live as long as the pass, which has their device
     * @param input which keys the tokens attend to
     * @return the attention, for all layers
     */
    Attention attention(NDManager scope, AttentionInput input);
}
