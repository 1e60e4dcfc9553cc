/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * State that the layers share during a forward pass.
 *
 * @param parameters the store of parameter values
 * @param training whether gradients are required
 * @param device the device of the pass
 * @param kernels the kernels
 * @param attention the attention of the pass
 * @param attentions collects the attention weights, or null
 * @param dropoutSeed determines which inputs of an adapter are dropped; null for none
 */
record ForwardPass(
        ParameterStore parameters,
        boolean training,
        Device device,
        Kernels kernels,
        Attention attention,
        @Nullable NDList attentions,
        @Nullable Long dropoutSeed) {

    NDArray value(Parameter parameter) {
        return value(parameters, parameter, device, training);
    }

    /**
     * Returns the value of a parameter. Unless a copy on another device is needed, this is the
     * parameter's own array: a store keeps returning the array that the parameter had first.
     */
    static NDArray value(
            ParameterStore store, Parameter parameter, Device device, boolean training) {
        NDArray own = parameter.getArray();
        return !training && own.getDevice().equals(device)
                ? own
                : store.getValue(parameter, device, training);
    }
}
