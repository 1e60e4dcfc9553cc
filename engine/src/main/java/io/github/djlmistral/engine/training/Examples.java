/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Data with what the reference network computes of it, either for each batch or beforehand.
 *
 * @param <E> the type of an example
 */
final class Examples<E> {

    private final TrainingData<E> data;
    private final Objective<E> objective;
    private final @Nullable MistralForCausalLM reference;
    private final NDManager manager;

    /** For each example the sums of its sequences; null unless computed beforehand. */
    private double @Nullable [][] precomputed;

    Examples(
            TrainingData<E> data,
            Objective<E> objective,
            @Nullable MistralForCausalLM reference,
            NDManager manager) {
        if (data.size() < 1) {
            throw new IllegalArgumentException("the data has no examples: give at least one");
        }
        this.data = data;
        this.objective = objective;
        this.reference = reference;
        this.manager = manager;
    }

    /**
     * Some examples.
     *
     * @param indices their indices in the data
     * @param examples the examples
     * @param sequences their sequences
     * @param items the items of the mean
     * @param <E> the type of an example
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Batch<E>(
            int[] indices, List<E> examples, List<TrainingSequence> sequences, long items) {}

    int size() {
        return data.size();
    }

    Batch<E> batch(int... indices) {
        List<E> examples = new ArrayList<>();
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int index : indices) {
            E example = data.get(index);
            examples.add(example);
            sequences.addAll(objective.sequences(example));
        }
        return new Batch<>(indices, examples, sequences, objective.items(sequences));
    }

    /** Returns what a pass computed of a batch. */
    static Objective.MicroBatch microBatch(
            Objective<?> objective,
            TrainingPass pass,
            Batch<?> batch,
            double @Nullable [] reference) {
        return new Objective.MicroBatch(
                batch.sequences(),
                objective.needsLogits() ? pass.logits() : pass.logProbabilities(),
                objective.needsMeans() ? pass.meanLogProbabilities() : null,
                reference);
    }

    /** Names the examples of batches for a message. */
    String names(List<Batch<E>> batches) {
        List<String> names =
                batches.stream()
                        .flatMapToInt(batch -> Arrays.stream(batch.indices()))
                        .mapToObj(data::name)
                        .toList();
        int shown = Math.min(names.size(), 16);
        return String.join(", ", names.subList(0, shown))
                + (shown < names.size() ? " and " + (names.size() - shown) + " more" : "");
    }

    /** Returns the sums of the log-probabilities under the reference; null without one. */
    double @Nullable [] reference(Batch<E> batch) {
        if (reference == null) {
            return null;
        }
        if (precomputed != null) {
            double[][] sums = precomputed;
            return Arrays.stream(batch.indices())
                    .mapToObj(index -> sums[index])
                    .flatMapToDouble(Arrays::stream)
                    .toArray();
        }
        return sums(
                batch.sequences(),
                TrainingPass.logProbabilities(reference, manager, batch.sequences()));
    }

    private static double[] sums(List<TrainingSequence> sequences, float[] logProbabilities) {
        double[] sums = new double[sequences.size()];
        int next = 0;
        for (int i = 0; i < sums.length; i++) {
            for (int left = sequences.get(i).counted(); left > 0; left--) {
                sums[i] += logProbabilities[next++];
            }
        }
        return sums;
    }

    /**
     * Computes the sums of all examples, unless the thread is interrupted.
     *
     * @return whether it was not
     */
    boolean precompute(int batchSize) {
        double[][] sums = new double[size()][];
        for (int begin = 0; begin < sums.length && reference != null; begin += batchSize) {
            if (Thread.currentThread().isInterrupted()) {
                return false;
            }
            int end = Math.min(begin + batchSize, sums.length);
            Batch<E> batch = batch(IntStream.range(begin, end).toArray());
            double[] all = reference(batch);
            if (all == null) {
                return true;
            }
            int each = all.length / (end - begin);
            for (int i = begin; i < end; i++) {
                sums[i] = Arrays.copyOfRange(all, (i - begin) * each, (i - begin + 1) * each);
            }
        }
        precomputed = sums;
        return true;
    }
}
