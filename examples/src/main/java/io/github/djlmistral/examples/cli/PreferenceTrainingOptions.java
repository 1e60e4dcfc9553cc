/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of {@code mistral train --method dpo}; names and defaults of trl's {@code DPOConfig}. */
final class PreferenceTrainingOptions {

    @Option(
            names = "--beta",
            paramLabel = "X",
            description = "How close the model stays to the reference. Default: 0.1.")
    @Nullable Double beta;

    @Option(
            names = "--loss-type",
            paramLabel = "TYPE",
            description = "sigmoid, hinge or ipo. Default: sigmoid.")
    @Nullable String lossType;

    @Option(
            names = "--label-smoothing",
            paramLabel = "X",
            description = "Probability that a pair is the wrong way round. Default: 0.")
    @Nullable Double labelSmoothing;

    @Option(
            names = "--precompute-ref-log-probs",
            description =
                    "Compute the log-probabilities of the reference before training, not in each"
                            + " step. The reference is the model without the adapter, with"
                            + " --adapter-init that with the first adapter, with --full a second"
                            + " one.")
    @Nullable Boolean precompute;

    /** Used by picocli. */
    PreferenceTrainingOptions() {}

    /** Adds what the user gave, by the names in trl. */
    void addTo(Map<String, String> values) {
        OptimizationOptions.put(values, "beta", beta);
        OptimizationOptions.put(values, "loss_type", lossType);
        OptimizationOptions.put(values, "label_smoothing", labelSmoothing);
        OptimizationOptions.put(values, "precompute_ref_log_probs", precompute);
    }
}
