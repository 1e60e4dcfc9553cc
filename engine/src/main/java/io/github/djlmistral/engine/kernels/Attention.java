/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/**
 * The attention of one forward pass: what does not depend on the layer, such as the rotary tables,
 * is computed once. Not thread-safe.
 */
@FunctionalInterface
public interface Attention {

    /**
     * Applies the rotary embedding to queries and keys (Su et al. 2021; element i of a head pairs
     * with element i + D/2), stores keys and values in the caches of the pass if there are some,
     * and computes scaled dot-product attention. Query head h uses key/value head h / (H/G).
     *
     * @param layer the index of the layer
     * @param q queries (N, H·D); may be overwritten
     * @param k keys (N, G·D); may be overwritten
     * @param v values (N, G·D)
     * @return the context (N, H·D), and if {@link AttentionInput#weights} the attention weights (B,
     *     H, T, K), for sequences of T new tokens each
     */
    NDList forward(int layer, NDArray q, NDArray k, NDArray v);
}
