/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;

/**
 * A bias added to the score of the last token of a sequence when the tokens before it are the end
 * of the text; an element of {@code sequence_bias}.
 *
 * @param ids the token ids, at least one
 * @param bias added to the score; positive values make the sequence more likely
 */
public record SequenceBias(List<Integer> ids, double bias) {

    /** Copies the list. */
    public SequenceBias {
        ids = List.copyOf(ids);
    }
}
