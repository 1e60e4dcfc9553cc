/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.HashMap;
import java.util.Map;

/**
 * Presence and frequency penalty of OpenAI's API: subtracts {@code presence + count * frequency}
 * from the scores of tokens that have been generated {@code count} times. The prompt does not
 * count.
 */
final class FrequencyPenalty implements LogitsProcessor {

    private final float presence;
    private final float frequency;

    /**
     * Makes the processor.
     *
     * @param presence subtracted once
     * @param frequency subtracted for each occurrence
     */
    FrequencyPenalty(double presence, double frequency) {
        this.presence = (float) presence;
        this.frequency = (float) frequency;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Map<Integer, Integer> counts = new HashMap<>();
        for (int i = sequence.promptLength(); i < sequence.length(); ++i) {
            counts.merge((int) sequence.id(i), 1, Integer::sum);
        }
        counts.forEach((id, count) -> scores[id] -= count * frequency + presence);
    }
}
