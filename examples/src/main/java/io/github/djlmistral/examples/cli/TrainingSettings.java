/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import io.github.djlmistral.zoo.training.PreferenceOptions;
import io.github.djlmistral.zoo.training.SftOptions;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code mistral train} was asked to do, by a recipe and by options.
 *
 * @param method sft, dpo, lm or classify
 * @param data the training data
 * @param eval the evaluation data
 * @param output where the result is written, and the checkpoints
 * @param full whether all weights are trained
 * @param adapterInit an adapter to continue with
 * @param resumeFrom a checkpoint to continue with
 * @param evalOnStart whether to evaluate before the first step
 * @param chatTemplate a template in place of the model's
 * @param values all other arguments by their names in transformers, trl and peft
 * @param arguments the arguments of the trainer
 */
record TrainingSettings(
        String method,
        Path data,
        @Nullable Path eval,
        Path output,
        boolean full,
        @Nullable Path adapterInit,
        @Nullable Path resumeFrom,
        boolean evalOnStart,
        @Nullable String chatTemplate,
        Map<String, String> values,
        TrainingArguments arguments) {

    /** Learning rates of trl, which differ from transformers'. */
    private static final Map<String, Double> LEARNING_RATES = Map.of("sft", 2e-5, "dpo", 1e-6);

    /**
     * Returns the arguments of the trainer. Unless the recipe says otherwise, there is a report and
     * thus a line of JSON for each step, and an evaluation after each epoch.
     */
    static TrainingArguments arguments(
            String method, Path output, boolean evaluates, Map<String, String> values) {
        TrainingArgumentsBuilder builder = TrainingArguments.builder();
        if (LEARNING_RATES.containsKey(method)) {
            builder.learningRate(LEARNING_RATES.get(method));
        }
        builder.loggingSteps(1).evalStrategy(Interval.EPOCH);
        if (values.containsKey("eval_steps")) {
            builder.evalStrategy(Interval.STEPS);
        }
        for (String name : TrainingArgumentsBuilder.names()) {
            String value = values.get(name);
            if (value != null) {
                builder.set(name, value);
            }
        }
        if (!evaluates) {
            builder.evalStrategy(Interval.NO);
        }
        return builder.outputDir(output).build();
    }

    /**
     * Returns the configuration of a new adapter: rank 16, alpha 32 and no dropout unless given, on
     * the layers that peft chooses.
     *
     * @param base the name of the model
     */
    LoraConfig lora(String base) {
        LoraConfig.Builder builder =
                LoraConfig.builder()
                        .r((int) number("lora_r", 16))
                        .alpha(number("lora_alpha", 32))
                        .dropout(number("lora_dropout", 0))
                        .useRslora(flag("use_rslora", false))
                        .baseModel(base);
        List<String> modules = names("lora_target_modules");
        if (modules.equals(List.of("all-linear"))) {
            builder.targetModules(LoraConfig.ALL_LINEAR);
        } else if (!modules.isEmpty()) {
            builder.targetModules(modules);
        }
        return builder.modulesToSave(names("lora_modules_to_save")).build();
    }

    CausalObjective causal() {
        return new CausalObjective(number("label_smoothing_factor", 0));
    }

    DpoObjective dpo() {
        String type = values.getOrDefault("loss_type", "sigmoid");
        for (DpoObjective.Loss loss : DpoObjective.Loss.values()) {
            if (loss.name().toLowerCase(Locale.ROOT).equals(type)) {
                return new DpoObjective(loss, number("beta", 0.1), number("label_smoothing", 0));
            }
        }
        throw new IllegalArgumentException(
                "loss_type is '" + type + "', must be sigmoid, hinge or ipo");
    }

    /**
     * Returns how records of supervised fine-tuning are read.
     *
     * @param positions the most tokens of the model
     */
    SftOptions sft(int positions) {
        return SftOptions.DEFAULT
                .withMaxLength(maxLength(SftOptions.DEFAULT.maxLength(), positions))
                .withCompletionOnlyLoss(flag("completion_only_loss", true))
                .withAssistantOnlyLoss(flag("assistant_only_loss", false));
    }

    /** Returns how preference records are read. */
    PreferenceOptions preferences(int positions) {
        String prompt = values.get("max_prompt_length");
        return new PreferenceOptions(
                maxLength(PreferenceOptions.DEFAULT.maxLength(), positions),
                prompt == null ? null : Integer.valueOf((int) number("max_prompt_length", 0)));
    }

    /** Returns the tokens of a block of {@code lm}. */
    int blockSize(int positions) {
        return (int) number("block_size", maxLength(1024, positions));
    }

    /** Returns the most tokens of a record. */
    int maxLength(int otherwise, int positions) {
        return (int) number("max_length", Math.min(otherwise, positions));
    }

    boolean packing() {
        return flag("packing", false);
    }

    private double number(String name, double otherwise) {
        String value = values.get(name);
        try {
            return value == null ? otherwise : Double.parseDouble(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " is '" + value + "', must be a number", e);
        }
    }

    private boolean flag(String name, boolean otherwise) {
        String value = values.get(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.equals("true") && !value.equals("false")) {
            throw new IllegalArgumentException(name + " is '" + value + "', must be true or false");
        }
        return value.equals("true");
    }

    /** Returns whether only the head of a classifier is trained. */
    boolean freezeBackbone() {
        return flag("freeze_backbone", false);
    }

    /** Returns a list of names; empty if it is not given. */
    List<String> names(String name) {
        String value = values.getOrDefault(name, "");
        return Arrays.stream(value.split(","))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }
}
