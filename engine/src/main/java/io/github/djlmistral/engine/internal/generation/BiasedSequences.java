/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Adds a bias to the last token of a sequence when the tokens before it are the end of the text;
 * {@code SequenceBiasLogitsProcessor} and {@code NoBadWordsLogitsProcessor} of the reference. A
 * sequence of one token always has its bias.
 */
final class BiasedSequences implements LogitsProcessor {

    private final Map<List<Integer>, Float> biases;

    /**
     * Makes the processor.
     *
     * @param biases token ids, and what is added to the score of the last one
     */
    BiasedSequences(Map<List<Integer>, Float> biases) {
        this.biases = biases;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        // added up first, as the reference does
        Map<Integer, Float> sums = new LinkedHashMap<>();
        biases.forEach(
                (ids, bias) -> {
                    if (isNext(ids, sequence)) {
                        sums.merge(ids.get(ids.size() - 1), bias, Float::sum);
                    }
                });
        sums.forEach((id, bias) -> scores[id] += bias);
    }

    /** Whether the text ends with all ids but the last. */
    private static boolean isNext(List<Integer> ids, Sequence sequence) {
        int prefix = ids.size() - 1;
        int start = sequence.length() - prefix;
        for (int i = 0; i < prefix; ++i) {
            if (start < 0 || sequence.id(start + i) != ids.get(i)) {
                return false;
            }
        }
        return true;
    }
}
