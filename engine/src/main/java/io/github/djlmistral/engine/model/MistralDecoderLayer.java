/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.internal.simd.DecoderNetwork;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.List;

/** One layer: {@code x + attention(norm(x))}, then {@code x + mlp(norm(x))}. */
final class MistralDecoderLayer extends LayerPart {

    private final float eps;
    private final Parameter inputNorm;
    private final Parameter postAttentionNorm;
    private final MistralAttention attention;
    private final MistralMlp mlp;

    MistralDecoderLayer(MistralConfig config, int layer, Initializer initializer) {
        eps = config.rmsNormEps();
        attention = addChildBlock("self_attn", new MistralAttention(config, layer, initializer));
        mlp = addChildBlock("mlp", new MistralMlp(config, initializer));
        inputNorm = weight("input_layernorm", Initializer.ONES, config.hiddenSize());
        postAttentionNorm =
                weight("post_attention_layernorm", Initializer.ONES, config.hiddenSize());
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        Kernels kernels = pass.kernels();
        NDArray normed = kernels.rmsNorm(x, pass.value(inputNorm), eps);
        NDArray h = x.add(attention.forward(pass, normed));
        normed = kernels.rmsNorm(h, pass.value(postAttentionNorm), eps);
        return h.add(mlp.forward(pass, normed));
    }

    /** Describes itself to a decoder. */
    DecoderNetwork.Layer forDecoder() {
        List<DecoderNetwork.Matrix> attend = attention.forDecoder();
        List<DecoderNetwork.Matrix> feed = mlp.forDecoder();
        return new DecoderNetwork.Layer(
                inputNorm.getArray(),
                attend.get(0),
                attend.get(1),
                attend.get(2),
                attend.get(3),
                postAttentionNorm.getArray(),
                feed.get(0),
                feed.get(1),
                feed.get(2));
    }
}
