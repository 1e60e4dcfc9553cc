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
 * quantized. In a network with an adapter it may be the layer of another network with a low-rank
 * addition, or have a weight of its own in float32.
 */
final class MistralLinear extends LayerPart {

    private final Parameter weight;
    private final @Nullable Parameter bias;
    private final @Nullable LowRank lowRank;
    private final boolean widened;
    private @Nullable QuantizedLinear quantized;

    MistralLinear(ParameterShapes shapes, Initializer initializer) {
        weight = addParameter(parameter(WEIGHT, initializer, shapes.get(WEIGHT)));
        bias =
                shapes.has(BIAS)
                        ? addParameter(parameter(BIAS, Initializer.ZEROS, shapes.get(BIAS)))
                        : null;
        lowRank = null;
        widened = false;
    }

    /** Makes a layer that shares a parameter of another block. */
    MistralLinear(Parameter shared) {
        weight = shared;
        bias = null;
        lowRank = null;
        widened = false;
    }

    /**
     * Makes a layer that adds to the output of another one, whose weight it shares.
     *
     * @param shared a layer without bias
     * @param addition what is added
     */
    MistralLinear(MistralLinear shared, LowRank addition) {
        weight = shared.weight;
        bias = shared.bias;
        quantized = shared.quantized;
        widened = shared.widened;
        lowRank = addition;
        // the layer of tied embeddings has no parameter of its own
        shared.parameters.forEach(parameters::put);
        addParameter(addition.a());
        addParameter(addition.b());
    }

    /** Makes a layer of the same shape with parameters in float32, whatever the network's are. */
    MistralLinear widened() {
        return new MistralLinear(this);
    }

    private MistralLinear(MistralLinear other) {
        weight = addParameter(parameter(WEIGHT, Initializer.ZEROS, other.weight.getShape()));
        bias =
                other.bias == null
                        ? null
                        : addParameter(parameter(BIAS, Initializer.ZEROS, other.bias.getShape()));
        lowRank = null;
        widened = true;
    }

    /** Returns the weight, which is a parameter of this block unless it is shared or quantized. */
    Parameter weight() {
        return weight;
    }

    /** Returns the bias, null if there is none. */
    @Nullable Parameter bias() {
        return bias;
    }

    /** Returns whether a parameter of this layer is unfrozen. */
    boolean isTrained() {
        return getParameters().values().stream().anyMatch(Parameter::requiresGradient);
    }

    /** Returns the weight if it is quantized. */
    @Nullable QuantizedLinear quantized() {
        return quantized;
    }

    /** Returns the low-rank addition, null if there is none. */
    @Nullable LowRank lowRank() {
        return lowRank;
    }

    /** Returns whether the weight is float32, whatever the type of the network is. */
    boolean isWidened() {
        return widened;
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
        return forward(pass.parameters(), pass.training(), pass.kernels(), pass.dropoutSeed(), x);
    }

    /**
     * Applies the layer.
     *
     * @param values the store of parameter values
     * @param training whether gradients are required
     * @param kernels the kernels
     * @param dropoutSeed the seed of the pass's dropout, null for none
     * @param x (..., in)
     * @return (..., out)
     */
    NDArray forward(
            ParameterStore values,
            boolean training,
            Kernels kernels,
            @Nullable Long dropoutSeed,
            NDArray x) {
        NDArray y = whole(values, training, kernels, x);
        return lowRank == null ? y : lowRank.add(values, training, kernels, dropoutSeed, x, y);
    }

    private NDArray whole(ParameterStore values, boolean training, Kernels kernels, NDArray x) {
        if (quantized != null) {
            return (training ? quantized.training() : quantized).forward(x);
        }
        Device device = x.getDevice();
        NDArray w = ForwardPass.value(values, weight, device, training);
        NDArray y = widened ? kernels.linearFloat32(x, w) : kernels.linear(x, w);
        return bias == null ? y : y.add(ForwardPass.value(values, bias, device, training));
    }
}
