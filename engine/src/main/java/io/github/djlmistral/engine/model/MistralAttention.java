/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.internal.simd.DecoderNetwork;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.List;
import java.util.stream.Stream;

/**
 * Grouped-query attention (Ainslie et al. 2023) with rotary positions (Su et al. 2021) and a
 * sliding window, without biases; {@code MistralAttention} of the reference.
 */
final class MistralAttention extends LayerPart {

    private final int layer;
    private final int window;
    private final MistralLinear query;
    private final MistralLinear key;
    private final MistralLinear value;
    private final MistralLinear output;

    MistralAttention(MistralConfig config, int layer, Initializer initializer) {
        this.layer = layer;
        window = config.window();
        long hidden = config.hiddenSize();
        long queries = (long) config.numAttentionHeads() * config.headDim();
        long keys = (long) config.numKeyValueHeads() * config.headDim();
        query = addChildBlock("q_proj", new MistralLinear(initializer, queries, hidden));
        key = addChildBlock("k_proj", new MistralLinear(initializer, keys, hidden));
        value = addChildBlock("v_proj", new MistralLinear(initializer, keys, hidden));
        output = addChildBlock("o_proj", new MistralLinear(initializer, hidden, queries));
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        Kernels kernels = pass.kernels();
        NDArray q = query.forward(pass, x);
        NDArray k = key.forward(pass, x);
        NDArray v = value.forward(pass, x);
        NDList seen =
                pass.cache() == null
                        ? kernels.rotary(q, k, v, pass.rotaryTables(), null)
                        : pass.cache().update(kernels, layer, q, k, v, pass.rotaryTables());
        NDArray context =
                kernels.attention(seen.get(0), seen.get(1), seen.get(2), pass.mask(), window);
        if (pass.attentions() != null && pass.mask() != null) {
            pass.attentions().add(kernels.attentionWeights(seen.get(0), seen.get(1), pass.mask()));
        }
        return output.forward(pass, context);
    }

    /** Queries, keys, values and output, for a decoder. */
    List<DecoderNetwork.Matrix> forDecoder() {
        return Stream.of(query, key, value, output).map(MistralLinear::forDecoder).toList();
    }
}
