/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.util.Map;

/**
 * One or more steps of training.
 *
 * @param step the number of steps so far, from 1
 * @param epoch how often the data has been seen so far, such as 0.25
 * @param loss the mean of the losses of the steps since the last report
 * @param gradNorm the 2-norm of all gradients of the last step, before clipping
 * @param learningRate the learning rate of the last step
 * @param metrics further means of the objective over the steps since the last report, such as
 *     {@code rewards/margins}, in the order in which to show them
 */
public record StepReport(
        int step,
        double epoch,
        double loss,
        double gradNorm,
        double learningRate,
        Map<String, Double> metrics) {}
