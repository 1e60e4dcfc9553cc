/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.Map;

/** One layer: {@code x + attention(norm(x))}, then {@code x + mlp(norm(x))}. */
final class MistralDecoderLayer extends LayerPart {

    private final float eps;
    private final Parameter inputNorm;
    private final Parameter postAttentionNorm;
    private final MistralAttention attention;
    private final MistralMlp mlp;

    MistralDecoderLayer(int layer, float eps, ParameterShapes shapes, Initializer initializer) {
        this.eps = eps;
        attention =
                addChildBlock(
                        "self_attn",
                        new MistralAttention(layer, shapes.within("self_attn"), initializer));
        mlp = addChildBlock("mlp", new MistralMlp(shapes.within("mlp"), initializer));
        inputNorm = addWeight("input_layernorm", shapes, Initializer.ONES);
        postAttentionNorm = addWeight("post_attention_layernorm", shapes, Initializer.ONES);
    }

    /** Makes a layer that shares the weights of another one, except the replaced ones. */
    MistralDecoderLayer(MistralDecoderLayer base, Map<MistralLinear, MistralLinear> replaced) {
        eps = base.eps;
        attention = addChildBlock("self_attn", new MistralAttention(base.attention, replaced));
        mlp = addChildBlock("mlp", new MistralMlp(base.mlp, replaced));
        inputNorm = addParameter(base.inputNorm);
        postAttentionNorm = addParameter(base.postAttentionNorm);
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        Kernels kernels = pass.kernels();
        NDArray normed = kernels.rmsNorm(x, pass.value(inputNorm), eps);
        NDArray h = kernels.add(x, attention.forward(pass, normed));
        normed = kernels.rmsNorm(h, pass.value(postAttentionNorm), eps);
        return kernels.add(h, mlp.forward(pass, normed));
    }
}
