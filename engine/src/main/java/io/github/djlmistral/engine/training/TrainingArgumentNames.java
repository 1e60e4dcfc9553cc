/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** The training arguments by their names in transformers and trl, with values as text. */
final class TrainingArgumentNames {

    private static final Map<String, BiConsumer<TrainingArgumentsBuilder, String>> BY_NAME =
            new TreeMap<>();

    static {
        BY_NAME.put("output_dir", (b, value) -> b.outputDir(Path.of(value)));
        real("learning_rate", TrainingArgumentsBuilder::learningRate);
        parsed("lr_scheduler_type", SchedulerType.class, TrainingArgumentsBuilder::lrSchedulerType);
        real("warmup_ratio", TrainingArgumentsBuilder::warmupRatio);
        BY_NAME.put("warmup_steps", TrainingArgumentNames::warmupStepsOrRatio);
        real("weight_decay", TrainingArgumentsBuilder::weightDecay);
        real("adam_beta1", TrainingArgumentsBuilder::adamBeta1);
        real("adam_beta2", TrainingArgumentsBuilder::adamBeta2);
        real("adam_epsilon", TrainingArgumentsBuilder::adamEpsilon);
        real("max_grad_norm", TrainingArgumentsBuilder::maxGradNorm);
        BY_NAME.put("optim", (b, value) -> b.optim(optimizer(value)));
        integer("per_device_train_batch_size", TrainingArgumentsBuilder::perDeviceTrainBatchSize);
        integer("per_device_eval_batch_size", TrainingArgumentsBuilder::perDeviceEvalBatchSize);
        integer("gradient_accumulation_steps", TrainingArgumentsBuilder::gradientAccumulationSteps);
        real("num_train_epochs", TrainingArgumentsBuilder::numTrainEpochs);
        integer("max_steps", TrainingArgumentsBuilder::maxSteps);
        bool("shuffle_dataset", TrainingArgumentsBuilder::shuffle);
        BY_NAME.put("seed", (b, value) -> b.seed(number("seed", value, Long::valueOf)));
        bool("gradient_checkpointing", TrainingArgumentsBuilder::gradientCheckpointing);
        real("neftune_noise_alpha", TrainingArgumentsBuilder::neftuneNoiseAlpha);
        integer("logging_steps", TrainingArgumentsBuilder::loggingSteps);
        parsed("eval_strategy", Interval.class, TrainingArgumentsBuilder::evalStrategy);
        parsed("evaluation_strategy", Interval.class, TrainingArgumentsBuilder::evalStrategy);
        integer("eval_steps", TrainingArgumentsBuilder::evalSteps);
        parsed("save_strategy", Interval.class, TrainingArgumentsBuilder::saveStrategy);
        integer("save_steps", TrainingArgumentsBuilder::saveSteps);
        integer("save_total_limit", TrainingArgumentsBuilder::saveTotalLimit);
        bool("load_best_model_at_end", TrainingArgumentsBuilder::loadBestModelAtEnd);
        integer("early_stopping_patience", TrainingArgumentsBuilder::earlyStoppingPatience);
        bool("precompute_ref_log_probs", TrainingArgumentsBuilder::precomputeRefLogProbs);
    }

    /** All names, in alphabetical order. */
    static final Set<String> ALL = Collections.unmodifiableSet(BY_NAME.keySet());

    private TrainingArgumentNames() {}

    /** Sets an argument, see {@link TrainingArgumentsBuilder#set}. */
    static void set(TrainingArgumentsBuilder builder, String name, String value) {
        BiConsumer<TrainingArgumentsBuilder, String> setter = BY_NAME.get(name);
        if (setter == null) {
            throw new IllegalArgumentException(
                    Quote.of(name) + " is no training argument; these are " + ALL);
        }
        setter.accept(builder, value);
    }

    private static void real(String name, BiConsumer<TrainingArgumentsBuilder, Double> setter) {
        BY_NAME.put(name, (b, value) -> setter.accept(b, number(name, value, Double::valueOf)));
    }

    private static void integer(String name, BiConsumer<TrainingArgumentsBuilder, Integer> setter) {
        BY_NAME.put(name, (b, value) -> setter.accept(b, number(name, value, Integer::valueOf)));
    }

    private static <N> N number(String name, String value, Function<String, N> parse) {
        try {
            return parse.apply(value.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    name + " is " + Quote.of(value) + ", must be a number", e);
        }
    }

    private static void bool(String name, BiConsumer<TrainingArgumentsBuilder, Boolean> setter) {
        BY_NAME.put(
                name,
                (b, value) -> {
                    switch (value.strip().toLowerCase(Locale.ROOT)) {
                        case "true" -> setter.accept(b, true);
                        case "false" -> setter.accept(b, false);
                        default ->
                                throw new IllegalArgumentException(
                                        name
                                                + " is "
                                                + Quote.of(value)
                                                + ", must be true or false");
                    }
                });
    }

    private static <T extends Enum<T>> void parsed(
            String name, Class<T> type, BiConsumer<TrainingArgumentsBuilder, T> setter) {
        BY_NAME.put(
                name,
                (b, value) -> {
                    for (T constant : type.getEnumConstants()) {
                        if (lower(constant).equals(value.strip())) {
                            setter.accept(b, constant);
                            return;
                        }
                    }
                    throw new IllegalArgumentException(
                            name
                                    + " is "
                                    + Quote.of(value)
                                    + ", must be one of "
                                    + Arrays.stream(type.getEnumConstants())
                                            .map(TrainingArgumentNames::lower)
                                            .toList());
                });
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** transformers 5 takes a value below 1 as a ratio. */
    private static void warmupStepsOrRatio(TrainingArgumentsBuilder b, String value) {
        double number = number("warmup_steps", value, Double::valueOf);
        if (number < 1) {
            b.warmupRatio(number).warmupSteps(0);
        } else {
            b.warmupSteps(number("warmup_steps", value, Integer::valueOf));
        }
    }

    private static OptimizerName optimizer(String name) {
        return switch (name.strip()) {
            case "adamw_torch", "adamw_torch_fused", "paged_adamw", "paged_adamw_32bit" ->
                    OptimizerName.ADAMW_TORCH;
            case "adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit" -> OptimizerName.ADAMW_8BIT;
            case "lion_32bit", "paged_lion_32bit" -> OptimizerName.LION_32BIT;
            default ->
                    throw new IllegalArgumentException(
                            "optim is "
                                    + Quote.of(name)
                                    + ", must be adamw_torch, adamw_8bit or lion_32bit");
        };
    }
}
