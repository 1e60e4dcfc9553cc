/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.internal.simd.DecoderNetwork;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import org.jspecify.annotations.Nullable;

/** A linear layer without bias. Its weight is a parameter (out, in) or quantized. */
final class MistralLinear extends LayerPart {

    private final Parameter weight;
    private @Nullable QuantizedWeight stored;
    private @Nullable QuantizedLinear quantized;

    MistralLinear(Initializer initializer, long out, long in) {
        weight = weight(WEIGHT, initializer, out, in);
    }

    /** Makes a layer that shares a parameter of another block. */
    MistralLinear(Parameter shared) {
        weight = shared;
    }

    /**
     * Replaces the parameter by a quantized weight.
     *
     * @param matrix the weight as stored
     * @param packed the same weight for the kernels
     */
    void quantize(QuantizedWeight matrix, QuantizedLinear packed) {
        parameters.remove(WEIGHT);
        stored = matrix;
        quantized = packed;
    }

    /** Drops the quantized weight when the network is closed. */
    void dropQuantized() {
        stored = null;
        quantized = null;
    }

    /** Returns the weight for a decoder. */
    DecoderNetwork.Matrix forDecoder() {
        return stored == null
                ? new DecoderNetwork.Matrix(weight.getArray(), null)
                : new DecoderNetwork.Matrix(null, stored);
    }

    @Override
    NDArray forward(ForwardPass pass, NDArray x) {
        return forward(pass.parameters(), pass.training(), pass.kernels(), x);
    }

    NDArray forward(ParameterStore values, boolean training, Kernels kernels, NDArray x) {
        if (quantized == null) {
            return kernels.linear(x, ForwardPass.value(values, weight, x.getDevice(), training));
        }
        return (training ? quantized.training() : quantized).forward(x);
    }
}
