/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.List;

/**
 * Forbids tokens, always or as the first one; {@code SuppressTokensLogitsProcessor} and {@code
 * SuppressTokensAtBeginLogitsProcessor} of the reference.
 */
final class SuppressTokens implements LogitsProcessor {

    private final List<Integer> ids;
    private final boolean atBegin;
    private final boolean afterForcedBos;

    private SuppressTokens(List<Integer> ids, boolean atBegin, boolean afterForcedBos) {
        this.ids = ids;
        this.atBegin = atBegin;
        this.afterForcedBos = afterForcedBos;
    }

    /**
     * Forbids tokens.
     *
     * @param ids the tokens; those outside the vocabulary have no effect
     */
    static SuppressTokens always(List<Integer> ids) {
        return new SuppressTokens(ids, false, false);
    }

    /**
     * Forbids tokens as the first generated one.
     *
     * @param ids the tokens; those outside the vocabulary have no effect
     * @param forcedBos whether the first token after a prompt of one token is forced: then they are
     *     forbidden as the second one
     */
    static SuppressTokens atBegin(List<Integer> ids, boolean forcedBos) {
        return new SuppressTokens(ids, true, forcedBos);
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        int begin = afterForcedBos && sequence.promptLength() == 1 ? 1 : 0;
        if (!atBegin || sequence.generatedLength() == begin) {
            suppress(ids, scores);
        }
    }

    static void suppress(List<Integer> ids, float[] scores) {
        for (int id : ids) {
            if (id >= 0 && id < scores.length) {
                scores[id] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
