/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/**
 * Temperature that grows with the entropy of the allowed tokens; {@code temp-ext} of llama.cpp.
 * With the entropy H of n tokens it is {@code min + (max - min) * (H / log n) ^ exponent}.
 */
final class DynamicTemperature implements LogitsProcessor {

    private final double min;
    private final double max;
    private final double exponent;

    /**
     * Makes the processor.
     *
     * @param temperature middle of the range
     * @param range half its width
     * @param exponent of the entropy, which is between 0 and 1
     */
    DynamicTemperature(double temperature, double range, double exponent) {
        min = Math.max(0, temperature - range);
        max = temperature + range;
        this.exponent = exponent;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Candidates candidates = new Candidates(scores);
        if (candidates.size() > 1) {
            double entropy = candidates.entropy() / Math.log(candidates.size());
            new Temperature(min + (max - min) * Math.pow(entropy, exponent))
                    .process(scores, sequence);
        }
    }
}
