/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;

/** A linear layer over a quantized weight, made ready by the kernels that compute it. */
@FunctionalInterface
public interface QuantizedLinear {

    /**
     * Multiplies with the matrix, without a bias.
     *
     * @param x (..., in)
     * @return x · weightᵀ, (..., out)
     */
    NDArray forward(NDArray x);

    /** Returns a layer over the same matrix that carries gradients to its input. */
    default QuantizedLinear training() {
        return this;
    }
}
