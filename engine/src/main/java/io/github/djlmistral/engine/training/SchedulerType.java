/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/**
 * How the learning rate changes; transformers' {@code SchedulerType}. In the warm-up it rises in
 * proportion to the number of steps. {@code CONSTANT} has none.
 */
public enum SchedulerType {
    /** Falls in proportion to the number of steps left. */
    LINEAR,

    /** Falls as half a cosine wave. */
    COSINE,

    /** The same for all steps, without a warm-up. */
    CONSTANT,

    /** The same for all steps after the warm-up. */
    CONSTANT_WITH_WARMUP;

    /**
     * Returns the factor of the learning rate, as the functions of transformers' {@code
     * get_scheduler}. With w warm-up steps and n in all it is {@code k / max(1, w)} for {@code k <
     * w}, then
     *
     * <pre>
     * LINEAR  max(0, (n − k) / max(1, n − w))
     * COSINE  max(0, (1 + cos(π (k − w) / max(1, n − w))) / 2)
     * </pre>
     *
     * @param step the step k, from 0
     * @param warmupSteps the number of warm-up steps w
     * @param totalSteps the number of all steps n
     * @return the factor, from 0 to 1
     */
    public double factor(int step, int warmupSteps, int totalSteps) {
        if (this != CONSTANT && step < warmupSteps) {
            return (double) step / Math.max(1, warmupSteps);
        }
        double length = Math.max(1, totalSteps - warmupSteps);
        return switch (this) {
            case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
            case LINEAR -> Math.max(0, (totalSteps - step) / length);
            case COSINE ->
                    Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((step - warmupSteps) / length))));
        };
    }
}
