/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How to train; names and defaults are those of transformers' {@code TrainingArguments}.
 *
 * <pre>{@code
 * TrainingArguments arguments =
 *         TrainingArguments.builder()
 *                 .outputDir(Path.of("out"))
 *                 .learningRate(2e-4)
 *                 .set("lr_scheduler_type", "cosine")
 *                 .build();
 * }</pre>
 *
 * @param outputDir the directory of the checkpoints; null to write none
 * @param learningRate the highest learning rate, not negative
 * @param lrSchedulerType how the learning rate changes
 * @param warmupRatio the share of the steps in which it rises, from 0 to 1
 * @param warmupSteps the number of these steps; 0 if {@code warmupRatio} determines it
 * @param weightDecay the decoupled weight decay of matrices, not negative; that of norms and biases
 *     is 0
 * @param adamBeta1 β₁ of AdamW and Lion, from 0 to below 1
 * @param adamBeta2 β₂
 * @param adamEpsilon ε of AdamW, not negative
 * @param maxGradNorm the 2-norm of all gradients is clipped to this; 0 to leave them as they are
 * @param optim the optimizer
 * @param perDeviceTrainBatchSize how many examples a forward and backward pass has
 * @param perDeviceEvalBatchSize the same for evaluation
 * @param gradientAccumulationSteps how many of these passes a step has
 * @param numTrainEpochs how often the data is seen, also a fraction
 * @param maxSteps the number of steps; -1 if {@code numTrainEpochs} determines it
 * @param shuffle whether each epoch has the examples in another order, which the seed determines
 * @param seed determines the order of the examples, dropout and noise
 * @param gradientCheckpointing whether layers are computed again in the backward pass, which needs
 *     less memory and about a third more time
 * @param neftuneNoiseAlpha the amount of noise on embeddings (NEFTune, Jain et al. 2023), such as
 *     5; 0 for none
 * @param loggingSteps how many steps a report comprises; 500 in transformers
 * @param evalStrategy when to evaluate
 * @param evalSteps the number of steps between evaluations; 0 for that of reports
 * @param saveStrategy when to write checkpoints
 * @param saveSteps the number of steps between checkpoints
 * @param saveTotalLimit how many checkpoints are kept, the best one not counted; 0 for all
 * @param loadBestModelAtEnd whether the weights at the end are those with the lowest loss on
 *     held-out examples
 * @param earlyStoppingPatience training ends when the loss on held-out examples has not become
 *     lower in so many evaluations; 0 for never
 * @param precomputeRefLogProbs whether the reference network computes all log-probabilities before
 *     training instead of those of each step
 */
public record TrainingArguments(
        @Nullable Path outputDir,
        double learningRate,
        SchedulerType lrSchedulerType,
        double warmupRatio,
        int warmupSteps,
        double weightDecay,
        double adamBeta1,
        double adamBeta2,
        double adamEpsilon,
        double maxGradNorm,
        OptimizerName optim,
        int perDeviceTrainBatchSize,
        int perDeviceEvalBatchSize,
        int gradientAccumulationSteps,
        double numTrainEpochs,
        int maxSteps,
        boolean shuffle,
        long seed,
        boolean gradientCheckpointing,
        double neftuneNoiseAlpha,
        int loggingSteps,
        Interval evalStrategy,
        int evalSteps,
        Interval saveStrategy,
        int saveSteps,
        int saveTotalLimit,
        boolean loadBestModelAtEnd,
        int earlyStoppingPatience,
        boolean precomputeRefLogProbs) {

    /** When to evaluate or to write a checkpoint; transformers' {@code IntervalStrategy}. */
    public enum Interval {
        /** Never. */
        NO,

        /** After a number of steps. */
        STEPS,

        /** After each epoch. */
        EPOCH
    }

    /** Optimizers, by names of transformers. */
    public enum OptimizerName {
        /** AdamW (Loshchilov and Hutter 2019) with states in float32. */
        ADAMW_TORCH,

        /** AdamW with states in 8 bits (Dettmers et al. 2022). */
        ADAMW_8BIT,

        /** Lion (Chen et al. 2023) with its state in float32. */
        LION_32BIT
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if a value is out of its range, naming the argument
     */
    public TrainingArguments {
        requireRange("learning_rate", learningRate, Double.MAX_VALUE);
        requireRange("warmup_ratio", warmupRatio, 1);
        requireLeast("warmup_steps", warmupSteps, 0);
        requireRange("weight_decay", weightDecay, Double.MAX_VALUE);
        requireBelowOne("adam_beta1", adamBeta1);
        requireBelowOne("adam_beta2", adamBeta2);
        requireRange("adam_epsilon", adamEpsilon, Double.MAX_VALUE);
        requireRange("max_grad_norm", maxGradNorm, Double.MAX_VALUE);
        requireLeast("per_device_train_batch_size", perDeviceTrainBatchSize, 1);
        requireLeast("per_device_eval_batch_size", perDeviceEvalBatchSize, 1);
        requireLeast("gradient_accumulation_steps", gradientAccumulationSteps, 1);
        requireRange("num_train_epochs", numTrainEpochs, 1e9);
        if (numTrainEpochs == 0) {
            throw new IllegalArgumentException("num_train_epochs is 0.0, must be positive");
        }
        if (maxSteps < 1 && maxSteps != -1) {
            throw new IllegalArgumentException(
                    "max_steps is " + maxSteps + ", must be positive, or -1 for num_train_epochs");
        }
        requireRange("neftune_noise_alpha", neftuneNoiseAlpha, Float.MAX_VALUE);
        requireLeast("logging_steps", loggingSteps, 1);
        requireLeast("eval_steps", evalSteps, 0);
        requireLeast("save_steps", saveSteps, 1);
        requireLeast("save_total_limit", saveTotalLimit, 0);
        requireLeast("early_stopping_patience", earlyStoppingPatience, 0);
        if (evalStrategy == Interval.NO && (loadBestModelAtEnd || earlyStoppingPatience > 0)) {
            throw new IllegalArgumentException(
                    (loadBestModelAtEnd ? "load_best_model_at_end" : "early_stopping_patience")
                            + " needs evaluations: set eval_strategy to steps or epoch");
        }
    }

    private static void requireBelowOne(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be at least 0 and below 1");
        }
    }

    private static void requireRange(String name, double value, double most) {
        if (!(value >= 0 && value <= most)) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + value
                            + (most == Double.MAX_VALUE
                                    ? ", must not be negative"
                                    : ", must be from 0 to " + most));
        }
    }

    private static void requireLeast(String name, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be at least " + least);
        }
    }

    /** Returns a builder with the defaults. */
    public static TrainingArgumentsBuilder builder() {
        return new TrainingArgumentsBuilder();
    }

    /**
     * Returns the number of warm-up steps.
     *
     * @param totalSteps the number of all steps
     * @return {@code warmupSteps} if it is positive, else the share {@code warmupRatio} of all,
     *     rounded up
     */
    public int warmup(int totalSteps) {
        return warmupSteps > 0 ? warmupSteps : (int) Math.ceil(totalSteps * warmupRatio);
    }

    /** Returns the number of steps between evaluations. */
    int stepsPerEvaluation() {
        return evalSteps == 0 ? loggingSteps : evalSteps;
    }
}
