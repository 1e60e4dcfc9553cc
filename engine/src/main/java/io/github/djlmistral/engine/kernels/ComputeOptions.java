/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.List;

/**
 * Kernels and data type of a network, by name.
 *
 * @param kernels {@code "auto"}, {@code "native"} (C, on CPUs), {@code "torch"} or {@code
 *     "reference"}
 * @param dtype {@code "auto"} or a name of {@link Dtype}, such as {@code "bfloat16"}
 */
public record ComputeOptions(String kernels, String dtype) {

    /** The default of both options. */
    public static final String DEFAULT = "auto";

    private static final List<String> KERNELS = List.of(DEFAULT, "native", "torch", "reference");

    /** Chooses kernels and data type for device and checkpoint. */
    public static final ComputeOptions AUTO = new ComputeOptions(DEFAULT, DEFAULT);

    /**
     * Validates the names.
     *
     * @throws IllegalArgumentException if a name is unknown; the message lists the known ones
     */
    public ComputeOptions {
        if (!KERNELS.contains(kernels)) {
            throw new IllegalArgumentException(
                    "unknown kernels "
                            + Quote.of(kernels)
                            + ": choose \"auto\", \"native\", \"torch\" or \"reference\"");
        }
        if (!dtype.equals(DEFAULT)) {
            Dtype.of(dtype);
        }
    }
}
