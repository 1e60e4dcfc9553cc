/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import io.github.djlmistral.engine.weights.Dtype;

/**
 * Kernels and data type that a network is to compute with, by the names users give.
 *
 * @param kernels {@code "auto"}, {@code "simd"} (with {@code torch} for many tokens), {@code
 *     "torch"} or {@code "reference"}
 * @param dtype {@code "auto"} or a name of {@link Dtype}, such as {@code "bfloat16"}
 */
public record ComputeOptions(String kernels, String dtype) {

    /** The name of the default, for kernels and data type. */
    public static final String DEFAULT = "auto";

    /** Kernels and data type by device and checkpoint. */
    public static final ComputeOptions AUTO = new ComputeOptions(DEFAULT, DEFAULT);
}
