/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.training.initializer.Initializer;
import java.util.Map;

/** The feed-forward network {@code down(silu(gate(x)) * up(x))}, without biases. */
final class MistralMlp extends LayerPart {

    private final MistralLinear gate;
    private final MistralLinear up;
    private final MistralLinear down;

    MistralMlp(ParameterShapes shapes, Initializer initializer) {
        gate = addLinear("gate_proj", shapes, initializer);
        up = addLinear("up_proj", shapes, initializer);
        down = addLinear("down_proj", shapes, initializer);
    }

    /** Makes a block that shares the linear layers of another one, except the replaced ones. */
    MistralMlp(MistralMlp base, Map<MistralLinear, MistralLinear> replaced) {
        gate = addChildBlock("gate_proj", replaced.getOrDefault(base.gate, base.gate));
        up = addChildBlock("up_proj", replaced.getOrDefault(base.up, base.up));
        down = addChildBlock("down_proj", replaced.getOrDefault(base.down, base.down));
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        NDArray gated = pass.kernels().swiGlu(gate.forward(pass, x), up.forward(pass, x));
        return down.forward(pass, gated);
    }
}
