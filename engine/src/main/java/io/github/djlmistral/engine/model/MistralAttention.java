/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.initializer.Initializer;
import java.util.Map;

/**
 * Grouped-query attention (Ainslie et al. 2023) with rotary positions (Su et al. 2021) and a
 * sliding window, without biases; {@code MistralAttention} of the reference.
 */
final class MistralAttention extends LayerPart {

    private final int layer;
    private final MistralLinear query;
    private final MistralLinear key;
    private final MistralLinear value;
    private final MistralLinear output;

    MistralAttention(int layer, ParameterShapes shapes, Initializer initializer) {
        this.layer = layer;
        query = addLinear("q_proj", shapes, initializer);
        key = addLinear("k_proj", shapes, initializer);
        value = addLinear("v_proj", shapes, initializer);
        output = addLinear("o_proj", shapes, initializer);
    }

    /** Makes a block that shares the linear layers of another one, except the replaced ones. */
    MistralAttention(MistralAttention base, Map<MistralLinear, MistralLinear> replaced) {
        layer = base.layer;
        query = addChildBlock("q_proj", replaced.getOrDefault(base.query, base.query));
        key = addChildBlock("k_proj", replaced.getOrDefault(base.key, base.key));
        value = addChildBlock("v_proj", replaced.getOrDefault(base.value, base.value));
        output = addChildBlock("o_proj", replaced.getOrDefault(base.output, base.output));
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        NDArray q = query.forward(pass, x);
        NDArray k = key.forward(pass, x);
        NDArray v = value.forward(pass, x);
        NDList context = pass.attention().forward(layer, q, k, v);
        if (pass.attentions() != null) {
            pass.attentions().add(context.get(1));
        }
        return output.forward(pass, context.get(0));
    }
}
