/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The records that {@code mistral train} reads. */
final class TrainingDataOptions {

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE.jsonl",
            description = "The training data, a JSON object in each line.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    Path data;

    @Option(
            names = "--eval",
            paramLabel = "FILE.jsonl",
            description = "Evaluation data: their loss is computed as well.")
    @Nullable Path eval;

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description =
                    "Longer records are truncated at the end. Default: 1024, at most the positions"
                            + " of the model.")
    @Nullable Integer maxLength;

    @Option(
            names = "--max-prompt-length",
            paramLabel = "N",
            description = "dpo: longer prompts are truncated at the beginning. Default: no limit.")
    @Nullable Integer maxPromptLength;

    @Option(
            names = "--packing",
            description =
                    "sft: pack records into rows of --max-length tokens (best fit decreasing), each"
                            + " of which counts as an example. No record sees another one.")
    @Nullable Boolean packing;

    @Option(
            names = "--assistant-only-loss",
            description = "sft: only the assistant's messages of \"messages\" count.")
    @Nullable Boolean assistantOnlyLoss;

    @Option(
            names = "--labels",
            paramLabel = "NAMES",
            description =
                    "classify: the classes of a new head, separated by commas. Default: those of"
                            + " the data.")
    @Nullable String labels;

    @Option(
            names = "--block-size",
            paramLabel = "N",
            description =
                    "lm: the texts are concatenated and cut into blocks of so many tokens. Default:"
                            + " --max-length.")
    @Nullable Integer blockSize;

    /** Used by picocli. */
    TrainingDataOptions() {}

    /** Adds what the user gave, by the names in trl. */
    void addTo(Map<String, String> values) {
        OptimizationOptions.put(values, "max_length", maxLength);
        OptimizationOptions.put(values, "max_prompt_length", maxPromptLength);
        OptimizationOptions.put(values, "packing", packing);
        OptimizationOptions.put(values, "assistant_only_loss", assistantOnlyLoss);
        OptimizationOptions.put(values, "labels", labels);
        OptimizationOptions.put(values, "block_size", blockSize);
    }
}
