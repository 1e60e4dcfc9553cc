/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.training.tracker.Tracker;

/**
 * The learning rate of each step: {@code learningRate · type.factor(step, warmupSteps,
 * totalSteps)}. Also a schedule of DJL's optimizers.
 *
 * @param type how the learning rate changes
 * @param learningRate the highest learning rate
 * @param warmupSteps the number of steps in which it rises
 * @param totalSteps the number of all steps
 */
public record LearningRateSchedule(
        SchedulerType type, double learningRate, int warmupSteps, int totalSteps)
        implements Tracker {

    /**
     * Returns the learning rate of a step.
     *
     * @param step the step, from 0
     * @return the rate, not negative
     */
    public double rate(int step) {
        return learningRate * type.factor(step, warmupSteps, totalSteps);
    }

    /**
     * Returns the learning rate of an update of DJL's optimizers.
     *
     * @param numUpdate the number of the update, from 1
     * @return the rate of step {@code numUpdate - 1}
     */
    @Override
    public float getNewValue(int numUpdate) {
        return (float) rate(Math.max(0, numUpdate - 1));
    }
}
