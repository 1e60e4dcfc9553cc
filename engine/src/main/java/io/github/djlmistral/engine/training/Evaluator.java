/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.model.TrainingPass;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes the mean loss on held-out examples, over all their items.
 *
 * @param network the network
 * @param objective the objective of the training
 * @param manager a manager on the device of the network
 * @param <E> the type of an example
 */
record Evaluator<E>(MistralPreTrainedModel network, Objective<E> objective, NDManager manager) {

    record Result(double loss, Map<String, Double> metrics) {}

    /** Returns null if it may be interrupted, and was. */
    @Nullable Result run(Examples<E> examples, int batchSize, boolean interruptible) {
        Objective<E> evaluated = objective.forEvaluation();
        TrainingPass.Options options =
                TrainingPass.Options.DEFAULT.withMeanLogProbabilities(evaluated.needsMeans());
        double loss = 0;
        Map<String, Double> metrics = new LinkedHashMap<>();
        long items = 0;
        for (int begin = 0; begin < examples.size(); begin += batchSize) {
            if (interruptible && Thread.currentThread().isInterrupted()) {
                return null;
            }
            int end = Math.min(begin + batchSize, examples.size());
            Examples.Batch<E> batch = examples.batch(IntStream.range(begin, end).toArray());
            if (batch.items() == 0) {
                continue;
            }
            double[] reference = examples.reference(batch);
            try (TrainingPass pass =
                    TrainingPass.evaluate(network, manager, batch.sequences(), options)) {
                Objective.Evaluation sum =
                        evaluated.evaluate(
                                batch.examples(),
                                Examples.microBatch(evaluated, pass, batch, reference),
                                1);
                loss += sum.loss();
                sum.metrics().forEach((name, value) -> metrics.merge(name, value, Double::sum));
            }
            items += batch.items();
        }
        if (items == 0) {
            throw new IllegalArgumentException(
                    "nothing counts in the held-out examples: give labels");
        }
        double count = items;
        metrics.replaceAll((name, sum) -> sum / count);
        return new Result(loss / count, metrics);
    }
}
