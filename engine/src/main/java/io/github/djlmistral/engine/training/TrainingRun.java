/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.training.TrainerResult.End;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One training, from its start or a checkpoint to its end.
 *
 * @param <E> the type of an example
 */
final class TrainingRun<E> {

    private final MistralPreTrainedModel network;
    private final Objective<E> objective;
    private final TrainingArguments arguments;
    private final TrainerCallback callback;
    private final TrainedParameters parameters;
    private final Examples<E> examples;
    private final @Nullable Examples<E> heldOut;
    private final TrainingPlan plan;
    private final int totalSteps;
    private final LearningRateSchedule schedule;
    private final @Nullable CheckpointDirectory checkpoints;

    private TrainerState state = new TrainerState();
    private int epochOfOrder = -1;
    private int[] order = new int[0];
    private double gradNorm;
    private double lossSum;
    private int firstStep;
    private int savedStep = -1;
    private @Nullable Path lastCheckpoint;

    TrainingRun(
            MistralPreTrainedModel network,
            Objective<E> objective,
            TrainingArguments arguments,
            TrainerCallback callback,
            TrainedParameters parameters,
            Examples<E> examples,
            @Nullable Examples<E> heldOut) {
        this.network = network;
        this.objective = objective;
        this.arguments = arguments;
        this.callback = callback;
        this.parameters = parameters;
        this.examples = examples;
        this.heldOut = heldOut;
        plan = TrainingPlan.of(examples.size(), arguments);
        totalSteps = plan.totalSteps(arguments);
        schedule =
                new LearningRateSchedule(
                        arguments.lrSchedulerType(),
                        arguments.learningRate(),
                        arguments.warmup(totalSteps),
                        totalSteps);
        checkpoints =
                arguments.outputDir() == null
                        ? null
                        : new CheckpointDirectory(arguments.outputDir());
    }

    TrainerResult run(@Nullable Path resumeFrom) throws IOException {
        if (checkpoints != null) {
            checkpoints.deleteTemporary();
        }
        if (resumeFrom != null) {
            state = TrainerState.read(resumeFrom, plan, arguments);
            parameters.restore(resumeFrom);
            lastCheckpoint = resumeFrom;
        }
        firstStep = state.step;
        TrainingPass.zeroGradients(network);
        TorchOptimizer.Builder builder =
                TorchOptimizer.builder()
                        .arguments(arguments)
                        .optLearningRateTracker(schedule)
                        .optBeginNumUpdate(state.step);
        try (TorchOptimizer optimizer = builder.build(parameters.manager())) {
            if (resumeFrom != null) {
                parameters.restoreOptimizer(optimizer, resumeFrom);
            }
            callback.onTrainBegin(state.step, totalSteps);
            End end = precompute() ? steps(optimizer) : interrupted(optimizer);
            Path best = best();
            if (best != null && arguments.loadBestModelAtEnd() && end != End.INTERRUPTED) {
                parameters.restore(best);
            }
            return new TrainerResult(
                    state.step, lossSum / (state.step - firstStep), end, lastCheckpoint, best);
        }
    }

    private @Nullable Path best() {
        String name = state.bestCheckpoint;
        return checkpoints == null || name == null ? null : checkpoints.resolve(name);
    }

    /** Returns whether the thread was not interrupted. */
    private boolean precompute() {
        if (!arguments.precomputeRefLogProbs()) {
            return true;
        }
        int size = arguments.perDeviceEvalBatchSize();
        try {
            return examples.precompute(size) && (heldOut == null || heldOut.precompute(size));
        } catch (UncheckedIOException e) {
            requireInterrupt(e);
            return false;
        }
    }

    /** An interrupt closes the channel that data is read from. */
    private static void requireInterrupt(UncheckedIOException e) {
        if (!(e.getCause() instanceof ClosedByInterruptException)) {
            throw e;
        }
    }

    private End steps(TorchOptimizer optimizer) throws IOException {
        while (state.step < totalSteps) {
            List<Examples.Batch<E>> batches;
            try {
                batches = batches();
            } catch (UncheckedIOException e) {
                requireInterrupt(e);
                return interrupted(optimizer);
            }
            step(optimizer, batches);
            boolean last = state.step == totalSteps;
            if (last || state.step % arguments.loggingSteps() == 0) {
                report();
            }
            boolean newBest = false;
            if (heldOut != null
                    && isDue(arguments.evalStrategy(), arguments.stepsPerEvaluation(), last)) {
                EvaluationReport report = evaluate(heldOut);
                if (report == null) {
                    return interrupted(optimizer);
                }
                newBest = report.best();
                callback.onEvaluate(report);
            }
            if (newBest && keepsBest() && checkpoints != null) {
                state.bestCheckpoint = String.valueOf(checkpoints.path(state.step).getFileName());
                save(optimizer);
            } else if (isDue(arguments.saveStrategy(), arguments.saveSteps(), last)) {
                save(optimizer);
            }
            if (Thread.currentThread().isInterrupted()) {
                return interrupted(optimizer);
            }
            int patience = arguments.earlyStoppingPatience();
            if (patience > 0 && state.evaluationsSinceBest >= patience) {
                save(optimizer);
                return End.EARLY_STOPPED;
            }
        }
        return End.COMPLETE;
    }

    private boolean keepsBest() {
        return arguments.loadBestModelAtEnd() || arguments.earlyStoppingPatience() > 0;
    }

    private boolean isDue(Interval interval, int every, boolean last) {
        return switch (interval) {
            case NO -> false;
            case STEPS -> last || state.step % every == 0;
            case EPOCH -> last || plan.isEndOfEpoch(state.step);
        };
    }

    private void report() {
        if (state.pendingSteps > 0) {
            callback.onLog(
                    state.report(plan.epoch(state.step), gradNorm, schedule.rate(state.step - 1)));
        }
    }

    /** Ends after an interrupt, which is consumed: interrupted threads cannot write files. */
    private End interrupted(TorchOptimizer optimizer) throws IOException {
        Thread.interrupted();
        if (state.step > firstStep) {
            save(optimizer);
            report();
        }
        return End.INTERRUPTED;
    }

    private List<Examples.Batch<E>> batches() {
        int epoch = state.step / plan.stepsPerEpoch();
        if (epoch != epochOfOrder) {
            order = plan.order(epoch);
            epochOfOrder = epoch;
        }
        List<Examples.Batch<E>> batches = new ArrayList<>();
        for (int[] indices : plan.batches(state.step, order)) {
            batches.add(examples.batch(indices));
        }
        return batches;
    }

    private void step(TorchOptimizer optimizer, List<Examples.Batch<E>> batches) {
        long items = batches.stream().mapToLong(Examples.Batch::items).sum();
        if (items == 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "at step %d nothing counts in the examples: %s. Leave them out, or"
                                    + " give labels",
                            state.step + 1,
                            examples.names(batches)));
        }
        double loss = 0;
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (int i = 0; i < batches.size(); i++) {
            Examples.Batch<E> batch = batches.get(i);
            if (batch.items() == 0) {
                continue;
            }
            double[] reference = examples.reference(batch);
            TrainingPass.Options options =
                    new TrainingPass.Options(
                            arguments.gradientCheckpointing(),
                            TrainingPass.Options.DEFAULT.headRows(),
                            objective.isRegularized() ? arguments.neftuneNoiseAlpha() : 0,
                            objective.isRegularized() ? plan.noiseSeed(state.step, i) : null,
                            objective.needsMeans());
            try (TrainingPass pass =
                    TrainingPass.forward(
                            network, parameters.manager(), batch.sequences(), options)) {
                Objective.Evaluation share =
                        objective.evaluate(
                                batch.examples(),
                                Examples.microBatch(objective, pass, batch, reference),
                                items);
                if (!Double.isFinite(share.loss())) {
                    throw notFinite("the loss", share.loss(), List.of(batch));
                }
                pass.backward(share.gradients(), share.meanGradients());
                loss += share.loss();
                share.metrics().forEach((name, value) -> metrics.merge(name, value, Double::sum));
            }
        }
        gradNorm = parameters.update(optimizer, arguments.maxGradNorm());
        if (!Double.isFinite(gradNorm)) {
            throw notFinite("the norm of the gradients", gradNorm, batches);
        }
        lossSum += loss;
        state.add(loss, metrics);
    }

    private NonFiniteLossException notFinite(
            String what, double value, List<Examples.Batch<E>> batches) {
        return new NonFiniteLossException(
                state.step + 1,
                String.format(
                        Locale.ROOT,
                        "%s is %s at step %d, with %s. The weights were not changed by this step%s."
                                + " Look at these examples, or lower the learning rate",
                        what,
                        value,
                        state.step + 1,
                        examples.names(batches),
                        lastCheckpoint == null
                                ? ""
                                : ", and the last checkpoint is " + lastCheckpoint));
    }

    /** Returns null if the thread was interrupted. */
    private @Nullable EvaluationReport evaluate(Examples<E> data) {
        Evaluator<E> evaluator = new Evaluator<>(network, objective, parameters.manager());
        Evaluator.Result result;
        try {
            result = evaluator.run(data, arguments.perDeviceEvalBatchSize(), true);
        } catch (UncheckedIOException e) {
            requireInterrupt(e);
            return null;
        }
        if (result == null) {
            return null;
        }
        boolean best = result.loss() < state.best;
        state.best = Math.min(state.best, result.loss());
        state.evaluationsSinceBest = best ? 0 : state.evaluationsSinceBest + 1;
        return new EvaluationReport(
                state.step, plan.epoch(state.step), result.loss(), best, result.metrics());
    }

    /** Writes a checkpoint, even if the thread is interrupted meanwhile. */
    private void save(TorchOptimizer optimizer) throws IOException {
        if (checkpoints == null || savedStep == state.step) {
            return;
        }
        boolean interrupted = false;
        while (true) {
            try {
                lastCheckpoint =
                        checkpoints.write(
                                state.step,
                                directory -> {
                                    parameters.save(directory);
                                    parameters.saveOptimizer(optimizer, directory);
                                    Files.write(
                                            TrainerState.file(directory),
                                            state.json(plan, arguments));
                                });
                if (arguments.saveTotalLimit() > 0) {
                    checkpoints.prune(arguments.saveTotalLimit(), state.bestCheckpoint);
                }
                break;
            } catch (ClosedByInterruptException e) {
                Thread.interrupted();
                interrupted = true;
            }
        }
        savedStep = state.step;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        callback.onSave(lastCheckpoint);
    }
}
