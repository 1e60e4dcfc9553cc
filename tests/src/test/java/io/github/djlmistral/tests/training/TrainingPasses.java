/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Passes and what they compute. */
final class TrainingPasses {

    /** The gradients of a pass by the names of the parameters, and its log-probabilities. */
    @SuppressWarnings("ArrayRecordComponent")
    record Step(float[] logProbabilities, Map<String, float[]> gradients) {}

    private TrainingPasses() {}

    /** Sequences of random tokens, of which every fifth does not count. */
    static List<TrainingSequence> sequences(MistralForCausalLM network, long seed, int... lengths) {
        Random random = new Random(seed);
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int length : lengths) {
            long[] ids = random.longs(length, 3, network.config().vocabSize()).toArray();
            long[] labels = ids.clone();
            for (int i = 3; i < length; i += 5) {
                labels[i] = TrainingSequence.IGNORED;
            }
            sequences.add(new TrainingSequence(ids, labels));
        }
        return sequences;
    }

    /** Weights of log-probabilities that differ from each other, some of them positive. */
    static float[] weights(int count) {
        Random random = new Random(11);
        float[] weights = new float[count];
        for (int i = 0; i < count; ++i) {
            weights[i] = random.nextFloat(-1, 0.5f);
        }
        return weights;
    }

    /** Runs a pass from zero gradients, for a weighted sum of the log-probabilities. */
    static Step step(
            MistralForCausalLM network,
            NDManager manager,
            List<TrainingSequence> sequences,
            TrainingPass.Options options) {
        TrainingPass.zeroGradients(network);
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, options)) {
            float[] logProbabilities = pass.logProbabilities();
            float[] weights = weights(logProbabilities.length);
            pass.backward(weights, options.meanLogProbabilities() ? weights : null);
            return new Step(logProbabilities, gradients(network, manager));
        }
    }

    /** Copies the gradients. */
    static Map<String, float[]> gradients(MistralPreTrainedModel network, NDManager manager) {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        try (NDManager scope = manager.newSubManager()) {
            Map<String, NDArray> arrays = TrainingPass.gradients(network, scope);
            arrays.forEach((name, array) -> gradients.put(name, array.toFloatArray()));
        }
        return gradients;
    }

    /** Returns the largest difference, relative to the largest element of the tensor. */
    static double distance(float[] actual, float[] expected) {
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < expected.length; ++i) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double d = Math.abs((double) actual[i] - expected[i]);
            difference = d <= difference ? difference : d; // NaN counts
        }
        return difference == 0 ? 0 : difference / largest;
    }

    static float[] filled(int count, double value) {
        float[] filled = new float[count];
        Arrays.fill(filled, (float) value);
        return filled;
    }
}
