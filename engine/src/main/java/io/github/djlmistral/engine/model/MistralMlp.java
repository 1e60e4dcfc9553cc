/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.kernels.Kernels;

/** The feed-forward network {@code down(silu(gate(x)) * up(x))}, without biases. */
final class MistralMlp extends LayerPart {

    private final Parameter gate;
    private final Parameter up;
    private final Parameter down;

    MistralMlp(MistralConfig config, Initializer initializer) {
        long hidden = config.hiddenSize();
        long intermediate = config.intermediateSize();
        gate = weight("gate_proj", initializer, intermediate, hidden);
        up = weight("up_proj", initializer, intermediate, hidden);
        down = weight("down_proj", initializer, hidden, intermediate);
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        Kernels kernels = pass.kernels();
        NDArray gated =
                kernels.swiGlu(
                        kernels.linear(x, pass.value(gate)), kernels.linear(x, pass.value(up)));
        return kernels.linear(gated, pass.value(down));
    }
}
