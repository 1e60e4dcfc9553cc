/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Builds {@link TrainingArguments}, which describes them; each is also set by its name in
 * transformers, see {@link #set}.
 */
public final class TrainingArgumentsBuilder {

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
        return TrainingArgumentNames.ALL;
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
        TrainingArgumentNames.set(this, name, value);
        return this;
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
