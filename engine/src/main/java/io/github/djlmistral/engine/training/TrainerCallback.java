/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.nio.file.Path;

/**
 * Is told of the progress of a {@link MistralTrainer}, on the thread that trains. An exception ends
 * the training without a checkpoint.
 */
public interface TrainerCallback {

    /**
     * Called before the first step.
     *
     * @param firstStep the number of steps done already, positive if training is resumed
     * @param maxSteps the number of steps when training is complete
     */
    default void onTrainBegin(int firstStep, int maxSteps) {}

    /**
     * Called every {@code logging_steps} steps, and at the end for the remaining ones.
     *
     * @param report the steps
     */
    default void onLog(StepReport report) {}

    /**
     * Called after an evaluation.
     *
     * @param report its result
     */
    default void onEvaluate(EvaluationReport report) {}

    /**
     * Called when a checkpoint is complete.
     *
     * @param checkpoint its directory
     */
    default void onSave(Path checkpoint) {}
}
