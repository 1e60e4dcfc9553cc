/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Trains the unfrozen parameters of a network, as the {@code Trainer} of transformers does.
 *
 * <pre>{@code
 * MistralForCausalLM network = base.withAdapter(base.newAdapter(config, 42), manager);
 * network.unfreezeAdapter();
 * MistralTrainer<TrainingSequence> trainer =
 *         new MistralTrainer<>(network, new CausalObjective(), arguments);
 * trainer.addCallback(callback);
 * TrainerResult result = trainer.train(data, heldOut, null);
 * network.adapter().save(Path.of("out"));
 * }</pre>
 *
 * <p>Networks with a classification head are trained in the same way:
 *
 * <pre>{@code
 * network.freezeParameters(false); // the head and all layers
 * MistralTrainer<LabeledSequence> trainer =
 *         new MistralTrainer<>(network, SequenceClassificationObjective.of(network), arguments);
 * }</pre>
 *
 * <p>{@code outputDir} gets checkpoints {@code checkpoint-N} after N steps: the weights ({@link
 * #save}), {@code optimizer.safetensors} and {@code trainer_state.json}. Each appears when it is
 * complete; an error such as a full disk leaves the earlier ones as they are. A training that is
 * resumed from one computes the same losses as if it had not ended, bit for bit where PyTorch
 * computes the same twice: on CPUs with the same number of threads.
 *
 * <p>An interrupt of the thread ends the training after the current step with a checkpoint, and is
 * thereby cleared. A trainer is for one thread.
 *
 * @param <E> the type of an example
 */
public final class MistralTrainer<E> {

    private final MistralPreTrainedModel network;
    private final Objective<E> objective;
    private final TrainingArguments arguments;
    private final List<TrainerCallback> callbacks = new ArrayList<>();
    private @Nullable MistralForCausalLM reference;

    /**
     * Creates a trainer.
     *
     * @param network the network; its unfrozen parameters are trained
     * @param objective what to minimize
     * @param arguments how to train
     * @throws IllegalArgumentException if the objective is that of classification heads and the
     *     network is none, or the reverse
     */
    public MistralTrainer(
            MistralPreTrainedModel network, Objective<E> objective, TrainingArguments arguments) {
        if (objective.needsLogits() == network instanceof MistralForCausalLM) {
            throw new IllegalArgumentException(
                    "a "
                            + network.getClass().getSimpleName()
                            + " is not trained by "
                            + objective.getClass().getSimpleName()
                            + ": causal language models have CausalObjective and DpoObjective,"
                            + " classification heads SequenceClassificationObjective and"
                            + " TokenClassificationObjective");
        }
        this.network = network;
        this.objective = objective;
        this.arguments = arguments;
        reference = network instanceof MistralForCausalLM causal ? causal.base() : null;
    }

    /**
     * Sets the reference network of objectives that need one. By default it is {@link
     * MistralForCausalLM#base}, the network without its adapter; one without an adapter needs a
     * frozen second network.
     *
     * @param frozen the network
     * @return this
     */
    public MistralTrainer<E> reference(MistralForCausalLM frozen) {
        reference = frozen;
        return this;
    }

    /**
     * Adds a callback.
     *
     * @param callback is called after those that were added before
     * @return this
     */
    public MistralTrainer<E> addCallback(TrainerCallback callback) {
        callbacks.add(callback);
        return this;
    }

    /**
     * Trains.
     *
     * @param data the training examples
     * @param heldOut the examples of evaluations, or null
     * @param resumeFrom a checkpoint of a training with the same data and arguments, which is
     *     continued; or null
     * @return how training ended
     * @throws IOException if a checkpoint cannot be written or read, or is that of a training with
     *     other data or arguments
     * @throws IllegalArgumentException if the data is empty, nothing in a step counts, or the
     *     arguments need held-out examples or an output directory that are missing
     * @throws IllegalStateException if no parameter is unfrozen, or the objective needs a reference
     *     network, and there is none
     * @throws NonFiniteLossException if the loss or a gradient is infinite or NaN
     * @throws UncheckedIOException if examples cannot be read
     */
    public TrainerResult train(
            TrainingData<E> data, @Nullable TrainingData<E> heldOut, @Nullable Path resumeFrom)
            throws IOException {
        if (heldOut == null && arguments.evalStrategy() != TrainingArguments.Interval.NO) {
            throw new IllegalArgumentException(
                    "eval_strategy needs held-out examples: give some, or set it to no");
        }
        if (arguments.outputDir() == null && arguments.loadBestModelAtEnd()) {
            throw new IllegalArgumentException(
                    "load_best_model_at_end needs an output_dir, where the best checkpoint is kept");
        }
        MistralForCausalLM compared = requireReference();
        try (TrainedParameters parameters = new TrainedParameters(network)) {
            return new TrainingRun<>(
                            network,
                            objective,
                            arguments,
                            new Callbacks(List.copyOf(callbacks)),
                            parameters,
                            new Examples<>(data, objective, compared, parameters.manager()),
                            heldOut == null
                                    ? null
                                    : new Examples<>(
                                            heldOut, objective, compared, parameters.manager()))
                    .run(resumeFrom);
        }
    }

    private @Nullable MistralForCausalLM requireReference() {
        if (!objective.needsReference()) {
            return null;
        }
        if (reference == null) {
            throw new IllegalStateException(
                    "the objective compares with a reference network: train an adapter, whose base"
                            + " is the reference, or load the model a second time and give it to"
                            + " reference(..)");
        }
        return reference;
    }

    /**
     * Computes the loss on examples.
     *
     * @param data the examples
     * @return the mean over all their items, without label smoothing; step and epoch are 0
     * @throws IllegalArgumentException if nothing counts
     * @throws IllegalStateException as for {@link #train}
     */
    public EvaluationReport evaluate(TrainingData<E> data) {
        MistralForCausalLM compared = requireReference();
        NDArray weight = network.namedParameters().values().iterator().next().getArray();
        try (NDManager manager = weight.getManager().newSubManager()) {
            Evaluator.Result result =
                    new Evaluator<>(network, objective, manager)
                            .run(
                                    new Examples<>(data, objective, compared, manager),
                                    arguments.perDeviceEvalBatchSize(),
                                    false);
            Evaluator.Result present = Objects.requireNonNull(result);
            return new EvaluationReport(0, 0, present.loss(), false, present.metrics());
        }
    }

    /**
     * Returns the last checkpoint in a directory.
     *
     * @param outputDir the directory
     * @return the directory of the checkpoint, or null if there is none
     * @throws IOException if the directory cannot be read
     */
    public static @Nullable Path lastCheckpoint(Path outputDir) throws IOException {
        return new CheckpointDirectory(outputDir).last();
    }

    /**
     * Saves what was trained: the adapter in the files of peft, or {@code model.safetensors} with
     * all parameters of a network without one, in their data type.
     *
     * @param directory the directory; created if it does not exist
     * @throws IOException if a file cannot be written
     */
    public void save(Path directory) throws IOException {
        try (TrainedParameters parameters = new TrainedParameters(network)) {
            parameters.save(directory);
        }
    }

    private record Callbacks(List<TrainerCallback> all) implements TrainerCallback {

        @Override
        public void onTrainBegin(int firstStep, int maxSteps) {
            all.forEach(callback -> callback.onTrainBegin(firstStep, maxSteps));
        }

        @Override
        public void onLog(StepReport report) {
            all.forEach(callback -> callback.onLog(report));
        }

        @Override
        public void onEvaluate(EvaluationReport report) {
            all.forEach(callback -> callback.onEvaluate(report));
        }

        @Override
        public void onSave(Path checkpoint) {
            all.forEach(callback -> callback.onSave(checkpoint));
        }
    }
}
