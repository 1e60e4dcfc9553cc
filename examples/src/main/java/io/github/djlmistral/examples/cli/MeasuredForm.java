/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.kernels.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * What {@link FormScorer} found out of a {@link WeightForm}.
 *
 * @param name what the user calls it
 * @param bytes how large its weights are
 * @param bits bits for each weight of a quantized matrix, null if there is none
 * @param score how well it foretells
 * @param kernels what computed
 * @param kernelReason and why
 * @param seconds how long it took
 */
record MeasuredForm(
        String name,
        long bytes,
        @Nullable Double bits,
        Score score,
        Kernels kernels,
        String kernelReason,
        double seconds) {

    /** Returns the type it was computed in. */
    String dtype() {
        return kernels.dtype().toString();
    }
}
