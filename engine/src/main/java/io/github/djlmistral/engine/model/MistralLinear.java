/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer, without bias except in some heads. Its weight is a parameter (out, in) or
 * quantized.
 */
final class MistralLinear extends LayerPart {

    private final Parameter weight;
    private final @Nullable Parameter bias;
    private @Nullable QuantizedLinear quantized;

    MistralLinear(Initializer initializer, long out, long in) {
        this(initializer, out, in, false);
    }

    MistralLinear(Initializer initializer, long out, long in, boolean biased) {
        weight = weight(WEIGHT, initializer, out, in);
        bias = biased ? weight(BIAS, Initializer.ZEROS, out) : null;
    }

    /** Makes a layer that shares a parameter of another block. */
    MistralLinear(Parameter shared) {
        weight = shared;
        bias = null;
    }

    /**
     * Replaces the parameter by a quantized weight.
     *
     * @param packed the weight
     */
    void quantize(QuantizedLinear packed) {
        parameters.remove(WEIGHT);
        quantized = packed;
    }

    /** Drops the quantized weight when the network is closed. */
    void dropQuantized() {
        quantized = null;
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        return forward(pass.parameters(), pass.training(), pass.kernels(), x);
    }

    NDArray forward(ParameterStore values, boolean training, Kernels kernels, NDArray x) {
        if (quantized != null) {
            return (training ? quantized.training() : quantized).forward(x);
        }
        Device device = x.getDevice();
        NDArray y = kernels.linear(x, ForwardPass.value(values, weight, device, training));
        return bias == null ? y : y.add(ForwardPass.value(values, bias, device, training));
    }
}
