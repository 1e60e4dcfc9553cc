/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import io.github.djlmistral.engine.weights.Dtype;

/**
 * Kernels and data type of a network, by name.
 *
 * @param kernels {@code "auto"}, {@code "simd"} (which leaves passes over many tokens to {@code
 *     torch}), {@code "torch"} or {@code "reference"}
 * @param dtype {@code "auto"} or a name of {@link Dtype}, such as {@code "bfloat16"}
 */
public record ComputeOptions(String kernels, String dtype) {

    /** The default of both options. */
    public static final String DEFAULT = "auto";

    /** Chooses kernels and data type for device and checkpoint. */
    public static final ComputeOptions AUTO = new ComputeOptions(DEFAULT, DEFAULT);
}
