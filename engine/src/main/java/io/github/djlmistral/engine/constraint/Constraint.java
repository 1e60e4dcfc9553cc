/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

/**
 * What may follow the text of one sequence. Not thread-safe; copies are independent, and cost one
 * object.
 *
 * <p>The cheap way through a step is to ask {@link #accepts} for the token that was chosen, and to
 * build {@link #mask} only if it was refused.
 */
public final class Constraint {

    private Constraint() {}

    /**
     * Returns whether a token may follow.
     *
     * @param token a token id
     * @return whether the text stays the beginning of a text of the grammar; for a token that ends
     *     texts, whether the text is complete; false for other tokens without bytes, for ids
     *     outside the vocabulary, and after an end
     */
    public boolean accepts(int token) {
        throw new UnsupportedOperationException();
    }

    /**
     * Adds a token to the text.
     *
     * @param token a token id
     * @throws IllegalArgumentException if the token is not accepted; the text is unchanged
     */
    public void advance(int token) {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns whether the text is complete, so that the sequence may end here.
     *
     * @return whether the grammar matches the text
     */
    public boolean mayEnd() {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns whether nothing may follow but an end.
     *
     * @return whether the text is complete and cannot go on, or has ended
     */
    public boolean mustEnd() {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns the tokens that may follow: bit {@code token % 64} of word {@code token / 64} is
     * {@link #accepts}.
     *
     * @return a new array of (size of the vocabulary + 63) / 64 words
     */
    public long[] mask() {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns the bytes that must follow, whatever the tokens.
     *
     * @return the longest text that every continuation begins with, at most 1,024 bytes; empty
     *     where there is a choice, or where the text may end
     */
    public byte[] forcedBytes() {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns tokens for the bytes that must follow, so that they need not be generated. The
     * longest pieces are taken; a last piece is left out where a longer one of the vocabulary
     * reaches beyond the forced bytes, since it is the model's to choose.
     *
     * @return token ids, which {@link #advance} accepts in turn; empty where nothing is forced
     */
    public int[] forced() {
        throw new UnsupportedOperationException();
    }

    /**
     * Returns a constraint after the same text.
     *
     * @return an independent copy
     */
    public Constraint copy() {
        throw new UnsupportedOperationException();
    }
}
