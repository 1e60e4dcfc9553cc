/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import io.github.djlmistral.engine.kernels.KeyValues;

/** Which tokens a KV cache keeps, and for how many it has room. */
final class CacheSlots {

    private CacheSlots() {}

    /**
     * Returns the position of the first token that a later one may attend to, even after a crop by
     * {@link KeyValues#STEP_BACK}; 0 or less if all may be.
     *
     * @param length the number of tokens of the sequence
     * @param window the number of keys that a token attends to; 0 for all
     */
    static int firstNeeded(int length, int window) {
        return window == 0 ? 0 : length - window + 1 - KeyValues.STEP_BACK;
    }

    /** Returns the first of {@code least}, twice as many, and so on that is enough. */
    static int doubled(int least, int needed) {
        int slots = least;
        while (slots < needed) {
            slots *= 2;
        }
        return slots;
    }
}
