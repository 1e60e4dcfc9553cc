/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import java.util.List;

/** What the API needs of a model that embeds texts. Thread-safe. */
public interface EmbeddingModel {

    /**
     * Encodes a text.
     *
     * @param text the text
     * @return the token ids that are embedded, those of the model's own prompt included
     * @throws IllegalArgumentException if the text is empty
     */
    long[] encode(String text);

    /**
     * Embeds texts.
     *
     * @param texts token ids, as they are
     * @return a vector for each text
     * @throws IllegalArgumentException if a text is empty, too long for the model, or has ids
     *     outside the vocabulary
     */
    List<float[]> embed(List<long[]> texts);
}
