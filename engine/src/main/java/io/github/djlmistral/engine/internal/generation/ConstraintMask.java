/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.Arrays;

/**
 * Forbids the tokens that the constraint of the sequence does not allow.
 *
 * <p>Greedy decoding takes the highest score: if its token is allowed, the mask would not change
 * the choice, and is not built. Sampling needs the mask before the draw: limits such as top-p
 * depend on which tokens there are.
 */
final class ConstraintMask implements LogitsProcessor {

    private final boolean onlyIfRefused;

    /**
     * Makes the processor.
     *
     * @param onlyIfRefused whether scores may stay as they are if the highest is allowed
     */
    ConstraintMask(boolean onlyIfRefused) {
        this.onlyIfRefused = onlyIfRefused;
    }

    @Override
    public void process(float[] scores, Sequence sequence) {
        Constraint constraint = sequence.constraint();
        if (constraint == null || (onlyIfRefused && constraint.accepts(Softmax.argmax(scores)))) {
            return;
        }
        long[] mask = constraint.mask();
        for (int word = 0; word < mask.length; ++word) {
            int from = word << 6;
            int to = Math.min(from + 64, scores.length);
            for (int id = from; mask[word] != -1 && id < to; ++id) {
                if ((mask[word] >>> id & 1) == 0) {
                    scores[id] = Float.NEGATIVE_INFINITY;
                }
            }
        }
        // padding of the network's vocabulary
        int known = Math.min(mask.length << 6, scores.length);
        Arrays.fill(scores, known, scores.length, Float.NEGATIVE_INFINITY);
    }
}
