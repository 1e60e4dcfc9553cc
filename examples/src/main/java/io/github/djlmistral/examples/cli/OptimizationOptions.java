/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Options of {@code mistral train} that are arguments of transformers' {@code TrainingArguments}; a
 * recipe may give them instead. Null where the user gave none.
 */
final class OptimizationOptions {

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            description =
                    "Peak learning rate. Default: as in trl 2e-5 for sft and 1e-6 for dpo, else"
                            + " 5e-5. LoRA takes ten times as much, or more.")
    @Nullable Double learningRate;

    @Option(
            names = "--lr-scheduler-type",
            paramLabel = "TYPE",
            description = "constant, linear or cosine, after the warm-up. Default: linear.")
    @Nullable String lrSchedulerType;

    @Option(
            names = "--warmup-ratio",
            paramLabel = "X",
            description = "Share of the steps with a rising learning rate. Default: 0.")
    @Nullable Double warmupRatio;

    @Option(
            names = "--warmup-steps",
            paramLabel = "N",
            description = "Number of these steps; overrides --warmup-ratio. Default: 0.")
    @Nullable Integer warmupSteps;

    @Option(
            names = "--optim",
            paramLabel = "NAME",
            description =
                    "Optimizer: adamw_torch, adamw_8bit (states of 8 bits), lion_32bit. Default:"
                            + " adamw_torch.")
    @Nullable String optim;

    @Option(
            names = "--weight-decay",
            paramLabel = "X",
            description = "Decoupled weight decay, not of norms and biases. Default: 0.")
    @Nullable Double weightDecay;

    @Option(
            names = "--max-grad-norm",
            paramLabel = "X",
            description = "Clip the gradients to this norm; 0 clips nothing. Default: 1.")
    @Nullable Double maxGradNorm;

    @Option(
            names = "--per-device-train-batch-size",
            paramLabel = "N",
            description = "Examples of a forward and backward pass. Default: 8.")
    @Nullable Integer batchSize;

    @Option(
            names = "--gradient-accumulation-steps",
            paramLabel = "N",
            description = "Passes of a step. Default: 1.")
    @Nullable Integer accumulation;

    @Option(
            names = "--num-train-epochs",
            paramLabel = "N",
            description = "Passes through the data. Default: 3.")
    @Nullable Double epochs;

    @Option(
            names = "--max-steps",
            paramLabel = "N",
            description = "Number of steps; overrides --num-train-epochs.")
    @Nullable Integer maxSteps;

    @Option(
            names = "--label-smoothing-factor",
            paramLabel = "X",
            description = "Label smoothing, from 0 to 1. Default: 0.")
    @Nullable Double labelSmoothing;

    @Option(
            names = "--neftune-noise-alpha",
            paramLabel = "X",
            description = "Noise on the embeddings (NEFTune), such as 5. Default: none.")
    @Nullable Double neftuneNoiseAlpha;

    @Option(
            names = "--gradient-checkpointing",
            description =
                    "Compute each layer again in the backward pass instead of keeping what it"
                            + " computed: less memory, a third more time.")
    @Nullable Boolean gradientCheckpointing;

    @Option(
            names = "--eval-steps",
            paramLabel = "N",
            description = "Evaluate on --eval every N steps. Default: after each epoch.")
    @Nullable Integer evalSteps;

    @Option(
            names = "--save-steps",
            paramLabel = "N",
            description = "Save a checkpoint every N steps. Default: 500.")
    @Nullable Integer saveSteps;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Seed of new weights, dropout and the order of the data. Default: 42.")
    @Nullable Long seed;

    @Option(
            names = "--eval-on-start",
            description = "Evaluate on --eval before the first step as well.")
    boolean evalOnStart;

    @Option(names = "--no-shuffle", description = "Take the records in the order of the file.")
    boolean noShuffle;

    /** Used by picocli. */
    OptimizationOptions() {}

    /** Adds what the user gave, by the names in transformers. */
    void addTo(Map<String, String> values) {
        Map<String, @Nullable Object> given = new LinkedHashMap<>();
        given.put("learning_rate", learningRate);
        given.put("lr_scheduler_type", lrSchedulerType);
        given.put("warmup_ratio", warmupRatio);
        given.put("warmup_steps", warmupSteps);
        given.put("optim", optim);
        given.put("weight_decay", weightDecay);
        given.put("max_grad_norm", maxGradNorm);
        given.put("per_device_train_batch_size", batchSize);
        given.put("gradient_accumulation_steps", accumulation);
        given.put("num_train_epochs", epochs);
        given.put("max_steps", maxSteps);
        given.put("label_smoothing_factor", labelSmoothing);
        given.put("neftune_noise_alpha", neftuneNoiseAlpha);
        given.put("gradient_checkpointing", gradientCheckpointing);
        given.put("eval_steps", evalSteps);
        given.put("save_steps", saveSteps);
        given.put("seed", seed);
        given.put("shuffle_dataset", noShuffle ? false : null);
        given.forEach((name, value) -> put(values, name, value));
    }

    /** Adds a value, unless it is null. */
    static void put(Map<String, String> values, String name, @Nullable Object value) {
        if (value != null) {
            values.put(name, value.toString());
        }
    }
}
