/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tokens that may follow a sequence.
 *
 * @param ids the token ids, in order
 * @param scores for each token, the scores whose softmax it was drawn from; null if the tokens were
 *     not drawn at random
 * @param context the number of tokens before the draft that speak for it, see {@link DraftLength};
 *     -1 for tokens that are forced
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Draft(long[] ids, @Nullable List<float[]> scores, int context) {

    /** No tokens. */
    static final Draft EMPTY = new Draft(new long[0], null, 0);

    /** Returns tokens that a constraint forces, whose acceptance tells nothing about others. */
    static Draft forced(long[] ids) {
        return new Draft(ids, null, -1);
    }

    int length() {
        return ids.length;
    }

    /** Returns the draft up to and including the first token that ends the sequence. */
    Draft untilEnd(StoppingCriteria stopping) {
        for (int i = 0; i < ids.length - 1; ++i) {
            if (stopping.isEnd(ids[i])) {
                return new Draft(Arrays.copyOf(ids, i + 1), scores, context);
            }
        }
        return this;
    }

    /**
     * Selects the token at an index of the draft.
     *
     * @param i the index; the draft's length for the token behind it
     * @param sampler verifies the drafted token
     * @param processed the network's scores, after the processors
     * @return the token, which is the drafted one if and only if that is accepted
     */
    int select(int i, Sampler sampler, float[] processed) {
        return i == ids.length || scores == null
                ? sampler.select(processed)
                : sampler.verify(processed, (int) ids[i], scores.get(i));
    }
}
