/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.TokenVocabulary;
import org.jspecify.annotations.Nullable;

/** Decodes token ids to text, for stop strings and response formats. */
@FunctionalInterface
public interface TokenDecoder {

    /**
     * Decodes token ids.
     *
     * @param ids token ids
     * @return the text
     */
    String decode(long[] ids);

    /**
     * Returns the bytes of every token, which response formats need.
     *
     * @return the vocabulary; null if it is not known
     */
    default @Nullable TokenVocabulary vocabulary() {
        return null;
    }
}
