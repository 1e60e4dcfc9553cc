/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which examples each step sees, as in transformers: batches of consecutive examples, of which
 * {@code accumulation} make a step; the last batch of an epoch may be smaller, and the last step of
 * an epoch have fewer batches. With 10 examples, batches of 2 and 2 batches a step, an epoch has
 * the steps {0,1 2,3} {4,5 6,7} {8,9}.
 *
 * @param examples the number of examples
 * @param batchSize how many a batch has
 * @param accumulation how many batches a step has
 * @param shuffle whether each epoch has another order
 * @param seed determines the orders
 */
record TrainingPlan(int examples, int batchSize, int accumulation, boolean shuffle, long seed) {

    static TrainingPlan of(int examples, TrainingArguments arguments) {
        return new TrainingPlan(
                examples,
                arguments.perDeviceTrainBatchSize(),
                arguments.gradientAccumulationSteps(),
                arguments.shuffle(),
                arguments.seed());
    }

    private int batchesPerEpoch() {
        return (int) (((long) examples + batchSize - 1) / batchSize);
    }

    int stepsPerEpoch() {
        return (int) (((long) batchesPerEpoch() + accumulation - 1) / accumulation);
    }

    int totalSteps(TrainingArguments arguments) {
        return arguments.maxSteps() > 0
                ? arguments.maxSteps()
                : (int)
                        Math.min(
                                Integer.MAX_VALUE,
                                Math.ceil(arguments.numTrainEpochs() * stepsPerEpoch()));
    }

    /** Returns how often the data has been seen after a number of steps. */
    double epoch(int steps) {
        int epochs = steps / stepsPerEpoch();
        int rest = steps % stepsPerEpoch();
        return epochs + (double) rest * accumulation / batchesPerEpoch();
    }

    boolean isEndOfEpoch(int steps) {
        return steps % stepsPerEpoch() == 0;
    }

    /** Returns the examples of an epoch in their order. */
    int[] order(int epoch) {
        int[] order = new int[examples];
        Arrays.setAll(order, i -> i);
        if (shuffle) {
            SplittableRandom random = new SplittableRandom(mix(seed, epoch));
            for (int i = examples - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int other = order[j];
                order[j] = order[i];
                order[i] = other;
            }
        }
        return order;
    }

    /** Returns the batches of a step, from 0, given the order of its epoch. */
    List<int[]> batches(int step, int[] order) {
        int first = step % stepsPerEpoch() * accumulation;
        int end = Math.min(first + accumulation, batchesPerEpoch());
        List<int[]> batches = new ArrayList<>();
        for (int batch = first; batch < end; batch++) {
            long begin = (long) batch * batchSize;
            batches.add(
                    Arrays.copyOfRange(
                            order, (int) begin, (int) Math.min(begin + batchSize, examples)));
        }
        return batches;
    }

    /** Returns the seed of dropout and noise of a batch of a step. */
    long noiseSeed(int step, int batch) {
        return mix(mix(~seed, step), batch);
    }

    /** Mixes two numbers as one step of SplitMix64. */
    private static long mix(long a, long b) {
        return new SplittableRandom(a + 0x9E3779B97F4A7C15L * (b + 1)).nextLong();
    }
}
