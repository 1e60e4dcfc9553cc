/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.util.Map;

/**
 * The loss on held-out examples.
 *
 * @param step the number of steps so far; 0 before training
 * @param epoch how often the training data has been seen so far
 * @param loss the loss, a mean over all items of the held-out examples; transformers' {@code
 *     eval_loss}
 * @param best whether it is the lowest so far
 * @param metrics further means of the objective
 */
public record EvaluationReport(
        int step, double epoch, double loss, boolean best, Map<String, Double> metrics) {}
