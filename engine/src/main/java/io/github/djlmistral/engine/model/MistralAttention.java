/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.kernels.Kernels;

/**
 * Grouped-query attention (Ainslie et al. 2023) with rotary positions (Su et al. 2021) and a
 * sliding window, without biases; {@code MistralAttention} of the reference.
 */
final class MistralAttention extends LayerPart {

    private final int layer;
    private final int window;
    private final Parameter query;
    private final Parameter key;
    private final Parameter value;
    private final Parameter output;

    MistralAttention(MistralConfig config, int layer, Initializer initializer) {
        this.layer = layer;
        window = config.window();
        long hidden = config.hiddenSize();
        long queries = (long) config.numAttentionHeads() * config.headDim();
        long keys = (long) config.numKeyValueHeads() * config.headDim();
        query = weight("q_proj", initializer, queries, hidden);
        key = weight("k_proj", initializer, keys, hidden);
        value = weight("v_proj", initializer, keys, hidden);
        output = weight("o_proj", initializer, hidden, queries);
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        Kernels kernels = pass.kernels();
        NDArray q = kernels.linear(x, pass.value(query));
        NDArray k = kernels.linear(x, pass.value(key));
        NDArray v = kernels.linear(x, pass.value(value));
        NDList seen =
                pass.cache() == null
                        ? kernels.rotary(q, k, v, pass.rotaryTables(), null)
                        : pass.cache().update(kernels, layer, q, k, v, pass.rotaryTables());
        NDArray context =
                kernels.attention(seen.get(0), seen.get(1), seen.get(2), pass.mask(), window);
        if (pass.attentions() != null && pass.mask() != null) {
            pass.attentions().add(kernels.attentionWeights(seen.get(0), seen.get(1), pass.mask()));
        }
        return kernels.linear(context, pass.value(output));
    }
}
