/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code mistral train} trains: an adapter, all weights, or a head. */
final class LoraOptions {

    @Option(
            names = "--full",
            description = "Train all weights, not an adapter; the default of classify.")
    boolean full;

    @Option(names = "--freeze-backbone", description = "classify: train the head only.")
    @Nullable Boolean freezeBackbone;

    @Option(names = "--lora-r", paramLabel = "N", description = "Rank. Default: 16.")
    @Nullable Integer r;

    @Option(
            names = "--lora-alpha",
            paramLabel = "X",
            description = "The adapter is scaled by alpha / r. Default: 32.")
    @Nullable Double alpha;

    @Option(
            names = "--lora-dropout",
            paramLabel = "X",
            description = "Dropout of the adapter's inputs. Default: 0.")
    @Nullable Double dropout;

    @Option(
            names = "--lora-target-modules",
            paramLabel = "NAMES",
            split = ",",
            description =
                    "Linear layers with an adapter, such as q_proj,v_proj,down_proj; all-linear"
                            + " for all seven of a decoder layer. Default: q_proj,v_proj.")
    @Nullable List<String> targetModules;

    @Option(
            names = "--adapter-init",
            paramLabel = "DIR",
            description = "Continue with this adapter; it has the options of LoRA.")
    @Nullable Path adapterInit;

    /** Used by picocli. */
    LoraOptions() {}

    /** Returns whether options of a new adapter are given. */
    boolean givesNew() {
        return r != null || alpha != null || dropout != null || targetModules != null;
    }

    /** Adds what the user gave, by the names in trl. */
    void addTo(Map<String, String> values) {
        OptimizationOptions.put(values, "freeze_backbone", freezeBackbone);
        OptimizationOptions.put(values, "lora_r", r);
        OptimizationOptions.put(values, "lora_alpha", alpha);
        OptimizationOptions.put(values, "lora_dropout", dropout);
        OptimizationOptions.put(
                values,
                "lora_target_modules",
                targetModules == null ? null : String.join(",", targetModules));
    }
}
