/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;

/** A linear layer with a quantized weight. */
@FunctionalInterface
public interface QuantizedLinear {

    /**
     * Applies the layer, which has no bias.
     *
     * @param x (..., in)
     * @return x · weightᵀ, (..., out)
     */
    NDArray forward(NDArray x);

    /** Returns a layer with the same weight that propagates gradients to its input. */
    default QuantizedLinear training() {
        return this;
    }
}
