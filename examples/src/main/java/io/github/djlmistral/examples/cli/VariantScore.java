/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.kernels.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@link VariantScorer} for a {@link WeightVariant}.
 *
 * @param name name given by the user
 * @param bytes size of the weights
 * @param bits bits per weight of the quantized matrices, null if there are none
 * @param score its score
 * @param kernels the kernels that ran it
 * @param kernelReason why these kernels
 * @param seconds duration
 */
record VariantScore(
        String name,
        long bytes,
        @Nullable Double bits,
        Score score,
        Kernels kernels,
        String kernelReason,
        double seconds) {

    /** Returns the compute type. */
    String dtype() {
        return kernels.dtype().toString();
    }
}
