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
import org.jspecify.annotations.Nullable;

/**
 * Builds {@link TrainingArguments}, which describes them; each is also set by its name in
 * transformers, see {@link #set}.
 */
public final class TrainingArgumentsBuilder {

    private static final Map<String, BiConsumer<TrainingArgumentsBuilder, String>> BY_NAME =
            new TreeMap<>();

    static {
        BY_NAME.put("output_dir", (b, value) -> b.outputDir(Path.of(value)));
        real("learning_rate", TrainingArgumentsBuilder::learningRate);
        parsed("lr_scheduler_type", SchedulerType.class, TrainingArgumentsBuilder::lrSchedulerType);
        real("warmup_ratio", TrainingArgumentsBuilder::warmupRatio);
        BY_NAME.put("warmup_steps", TrainingArgumentsBuilder::warmupStepsOrRatio);
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

    private @Nullable Path outputDir;
    private double learningRate = 5e-5;
    private SchedulerType lrSchedulerType = SchedulerType.LINEAR;
    private double warmupRatio;
    private int warmupSteps;
    private double weightDecay;
    private double adamBeta1 = 0.9;
    private double adamBeta2 = 0.999;
    private double adamEpsilon = 1e-8;
    private double maxGradNorm = 1;
    private OptimizerName optim = OptimizerName.ADAMW_TORCH;
    private int perDeviceTrainBatchSize = 8;
    private int perDeviceEvalBatchSize = 8;
    private int gradientAccumulationSteps = 1;
    private double numTrainEpochs = 3;
    private int maxSteps = -1;
    private boolean shuffle = true;
    private long seed = 42;
    private boolean gradientCheckpointing;
    private double neftuneNoiseAlpha;
    private int loggingSteps = 1;
    private Interval evalStrategy = Interval.NO;
    private int evalSteps;
    private Interval saveStrategy = Interval.STEPS;
    private int saveSteps = 500;
    private int saveTotalLimit;
    private boolean loadBestModelAtEnd;
    private int earlyStoppingPatience;
    private boolean precomputeRefLogProbs;

    TrainingArgumentsBuilder() {}

    /** Returns the names that {@link #set} knows, in alphabetical order. */
    public static Set<String> names() {
        return Collections.unmodifiableSet(BY_NAME.keySet());
    }

    /**
     * Sets an argument by its name in transformers, such as {@code learning_rate}; in trl {@code
     * precompute_ref_log_probs} and {@code shuffle_dataset}. {@code optim} also takes the names of
     * fused and paged variants, which compute the same.
     *
     * @param name the name
     * @param value the value as text, such as {@code 2e-5}, {@code cosine} or {@code true}
     * @return this
     * @throws IllegalArgumentException if there is no such argument, or the value is not of its
     *     type; the message names it
     */
    public TrainingArgumentsBuilder set(String name, String value) {
        BiConsumer<TrainingArgumentsBuilder, String> setter = BY_NAME.get(name);
        if (setter == null) {
            throw new IllegalArgumentException(
                    Quote.of(name) + " is no training argument; these are " + names());
        }
        setter.accept(this, value);
        return this;
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
                                            .map(TrainingArgumentsBuilder::lower)
                                            .toList());
                });
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** transformers 5 takes a value below 1 as a ratio. */
    private void warmupStepsOrRatio(String value) {
        double number = number("warmup_steps", value, Double::valueOf);
        if (number < 1) {
            warmupRatio(number).warmupSteps(0);
        } else {
            warmupSteps(number("warmup_steps", value, Integer::valueOf));
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

    /** Sets the directory of the checkpoints. */
    public TrainingArgumentsBuilder outputDir(@Nullable Path value) {
        outputDir = value;
        return this;
    }

    /** Sets the highest learning rate. */
    public TrainingArgumentsBuilder learningRate(double value) {
        learningRate = value;
        return this;
    }

    /** Sets how the learning rate changes. */
    public TrainingArgumentsBuilder lrSchedulerType(SchedulerType value) {
        lrSchedulerType = value;
        return this;
    }

    /** Sets the share of the warm-up steps. */
    public TrainingArgumentsBuilder warmupRatio(double value) {
        warmupRatio = value;
        return this;
    }

    /** Sets the number of warm-up steps. */
    public TrainingArgumentsBuilder warmupSteps(int value) {
        warmupSteps = value;
        return this;
    }

    /** Sets the weight decay. */
    public TrainingArgumentsBuilder weightDecay(double value) {
        weightDecay = value;
        return this;
    }

    /** Sets β₁. */
    public TrainingArgumentsBuilder adamBeta1(double value) {
        adamBeta1 = value;
        return this;
    }

    /** Sets β₂. */
    public TrainingArgumentsBuilder adamBeta2(double value) {
        adamBeta2 = value;
        return this;
    }

    /** Sets ε of AdamW. */
    public TrainingArgumentsBuilder adamEpsilon(double value) {
        adamEpsilon = value;
        return this;
    }

    /** Sets the norm to which gradients are clipped. */
    public TrainingArgumentsBuilder maxGradNorm(double value) {
        maxGradNorm = value;
        return this;
    }

    /** Sets the optimizer. */
    public TrainingArgumentsBuilder optim(OptimizerName value) {
        optim = value;
        return this;
    }

    /** Sets the number of examples of a pass. */
    public TrainingArgumentsBuilder perDeviceTrainBatchSize(int value) {
        perDeviceTrainBatchSize = value;
        return this;
    }

    /** Sets the number of examples of a pass in evaluation. */
    public TrainingArgumentsBuilder perDeviceEvalBatchSize(int value) {
        perDeviceEvalBatchSize = value;
        return this;
    }

    /** Sets the number of passes of a step. */
    public TrainingArgumentsBuilder gradientAccumulationSteps(int value) {
        gradientAccumulationSteps = value;
        return this;
    }

    /** Sets the number of epochs. */
    public TrainingArgumentsBuilder numTrainEpochs(double value) {
        numTrainEpochs = value;
        return this;
    }

    /** Sets the number of steps. */
    public TrainingArgumentsBuilder maxSteps(int value) {
        maxSteps = value;
        return this;
    }

    /** Sets whether the examples are shuffled. */
    public TrainingArgumentsBuilder shuffle(boolean value) {
        shuffle = value;
        return this;
    }

    /** Sets the seed. */
    public TrainingArgumentsBuilder seed(long value) {
        seed = value;
        return this;
    }

    /** Sets whether layers are computed again in the backward pass. */
    public TrainingArgumentsBuilder gradientCheckpointing(boolean value) {
        gradientCheckpointing = value;
        return this;
    }

    /** Sets the amount of noise on embeddings. */
    public TrainingArgumentsBuilder neftuneNoiseAlpha(double value) {
        neftuneNoiseAlpha = value;
        return this;
    }

    /** Sets the number of steps of a report. */
    public TrainingArgumentsBuilder loggingSteps(int value) {
        loggingSteps = value;
        return this;
    }

    /** Sets when to evaluate. */
    public TrainingArgumentsBuilder evalStrategy(Interval value) {
        evalStrategy = value;
        return this;
    }

    /** Sets the number of steps between evaluations. */
    public TrainingArgumentsBuilder evalSteps(int value) {
        evalSteps = value;
        return this;
    }

    /** Sets when to write checkpoints. */
    public TrainingArgumentsBuilder saveStrategy(Interval value) {
        saveStrategy = value;
        return this;
    }

    /** Sets the number of steps between checkpoints. */
    public TrainingArgumentsBuilder saveSteps(int value) {
        saveSteps = value;
        return this;
    }

    /** Sets the number of checkpoints that are kept. */
    public TrainingArgumentsBuilder saveTotalLimit(int value) {
        saveTotalLimit = value;
        return this;
    }

    /** Sets whether training ends with the best weights. */
    public TrainingArgumentsBuilder loadBestModelAtEnd(boolean value) {
        loadBestModelAtEnd = value;
        return this;
    }

    /** Sets the number of evaluations without progress that ends training. */
    public TrainingArgumentsBuilder earlyStoppingPatience(int value) {
        earlyStoppingPatience = value;
        return this;
    }

    /** Sets whether the reference is computed before training. */
    public TrainingArgumentsBuilder precomputeRefLogProbs(boolean value) {
        precomputeRefLogProbs = value;
        return this;
    }

    /**
     * Builds the arguments.
     *
     * @return the arguments
     * @throws IllegalArgumentException if a value is out of its range
     */
    public TrainingArguments build() {
        return new TrainingArguments(
                outputDir,
                learningRate,
                lrSchedulerType,
                warmupRatio,
                warmupSteps,
                weightDecay,
                adamBeta1,
                adamBeta2,
                adamEpsilon,
                maxGradNorm,
                optim,
                perDeviceTrainBatchSize,
                perDeviceEvalBatchSize,
                gradientAccumulationSteps,
                numTrainEpochs,
                maxSteps,
                shuffle,
                seed,
                gradientCheckpointing,
                neftuneNoiseAlpha,
                loggingSteps,
                evalStrategy,
                evalSteps,
                saveStrategy,
                saveSteps,
                saveTotalLimit,
                loadBestModelAtEnd,
                earlyStoppingPatience,
                precomputeRefLogProbs);
    }
}
