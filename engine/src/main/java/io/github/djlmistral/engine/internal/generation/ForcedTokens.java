/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * Forces tokens at a position; {@code ForcedBOSTokenLogitsProcessor} and {@code
 * ForcedEOSTokenLogitsProcessor} of the reference.
 */
final class ForcedTokens implements LogitsProcessor {

    private final List<Integer> ids;

    private final Predicate<Sequence> position;

    private ForcedTokens(List<Integer> ids, Predicate<Sequence> position) {
        this.ids = ids;
        this.position = position;
    }

    /** Forces a token after a prompt of one token. */
    static ForcedTokens bos(int id) {
        return new ForcedTokens(List.of(id), sequence -> sequence.length() == 1);
    }

    /**
     * Forces one of several tokens as the last one.
     *
     * @param ids the tokens, equally likely
     * @param maxNewTokens maximum number of generated tokens
     * @param maxLength maximum number of tokens of prompt and generated text
     */
    static ForcedTokens eos(List<Integer> ids, int maxNewTokens, int maxLength) {
        return new ForcedTokens(
                ids,
                sequence ->
                        sequence.generatedLength() == maxNewTokens - 1
                                || sequence.length() == maxLength - 1);
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        if (position.test(sequence)) {
            Arrays.fill(scores, Float.NEGATIVE_INFINITY);
            for (int id : ids) {
                scores[id] = 0;
            }
        }
    }
}
