/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/** Divides the scores by the temperature; {@code TemperatureLogitsWarper} of the reference. */
final class Temperature implements LogitsProcessor {

    private final float temperature;

    /**
     * Makes the processor.
     *
     * @param temperature above 0; below 1 sharpens the distribution, above 1 flattens it
     */
    Temperature(double temperature) {
        // within these bounds scores stay finite, and the limits are reached already
        this.temperature = (float) Math.min(Math.max(temperature, 1e-30), 1e30);
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        for (int i = 0; i < scores.length; ++i) {
            scores[i] /= temperature;
        }
    }
}
