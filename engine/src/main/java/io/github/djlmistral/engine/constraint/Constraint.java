/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.ParserState;
import io.github.djlmistral.engine.internal.constraint.TokenTrie;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What may follow the text of one sequence. Not thread-safe; copies are independent, and cost one
 * object.
 *
 * <p>Example, a text of a schema:
 *
 * <pre>{@code
 * Grammar grammar = JsonSchema.COMPACT.grammar("{\"type\": \"integer\"}");
 * Constraint constraint = CompiledGrammar.of(grammar, vocabulary).start();
 * while (!constraint.mustEnd()) {
 *     constraint.advance(mostLikely(constraint.mask())); // a token that is set in the mask
 * }
 * }</pre>
 *
 * <p>The cheap way through a step is to ask {@link #accepts} for the token that was chosen, and to
 * build {@link #mask} only if it was refused.
 */
public final class Constraint {

    private static final int FORCED_LIMIT = 1024;

    private final CompiledGrammar grammar;
    private final TokenVocabulary vocabulary;
    private ParserState state;

    /** Whether a space that comes next is dropped when the text is decoded. */
    private boolean beginning;

    private boolean ended;

    Constraint(CompiledGrammar grammar, ParserState state, boolean beginning) {
        this.grammar = grammar;
        vocabulary = grammar.vocabulary();
        this.state = state;
        this.beginning = beginning;
    }

    /**
     * Returns whether a token may follow.
     *
     * @param token a token id
     * @return whether the text stays the beginning of a text of the grammar; for a token that ends
     *     texts, whether the text is complete; false for ids outside the vocabulary, and after an
     *     end
     */
    public boolean accepts(int token) {
        return vocabulary.isEnd(token) ? mayEnd() : after(token) != null;
    }

    /**
     * Adds a token to the text.
     *
     * @param token a token id
     * @throws IllegalArgumentException if the token is not accepted; the text is unchanged
     */
    public void advance(int token) {
        boolean end = vocabulary.isEnd(token);
        ParserState next = end ? (mayEnd() ? state : null) : after(token);
        if (next == null) {
            throw new IllegalArgumentException(
                    "the grammar does not allow token " + token + " here");
        }
        state = next;
        beginning = false;
        ended = end;
    }

    /**
     * Returns whether the text is complete, so that the sequence may end here.
     *
     * @return whether the grammar matches the text
     */
    public boolean mayEnd() {
        return state.isComplete() && !ended;
    }

    /**
     * Returns whether nothing may follow but an end.
     *
     * @return whether the text is complete and cannot go on, or has ended
     */
    public boolean mustEnd() {
        return ended || state.isLast();
    }

    /**
     * Returns the tokens that may follow: bit {@code token % 64} of word {@code token / 64} is
     * {@link #accepts}.
     *
     * @return a new array of (size of the vocabulary + 63) / 64 words
     */
    public long[] mask() {
        TokenTrie trie = vocabulary.trie();
        if (ended) {
            return new long[(trie.tokens() + 63) / 64];
        }
        long[] mask = (beginning ? grammar.beginning() : state.mask(trie)).clone();
        for (int end : vocabulary.ends()) {
            long bit = 1L << end;
            if (state.isComplete()) {
                mask[end >>> 6] |= bit;
            } else {
                mask[end >>> 6] &= ~bit;
            }
        }
        return mask;
    }

    /**
     * Returns the bytes that must follow, whatever the tokens.
     *
     * @return the longest text that every continuation begins with, at most 1,024 bytes; empty
     *     where there is a choice, or where the text may end. A control token is the byte 0xFF and
     *     four more
     */
    public byte[] forcedBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ParserState next = ended ? null : state;
        while (next != null && next.forcedByte() >= 0 && bytes.size() < FORCED_LIMIT) {
            bytes.write(next.forcedByte());
            next = next.after(new byte[] {(byte) next.forcedByte()});
        }
        return bytes.toByteArray();
    }

    /**
     * Returns tokens for the bytes that must follow, so that they need not be generated. The
     * longest pieces are taken; a last piece is left out where a longer one of the vocabulary
     * reaches beyond the forced bytes, since it is the model's to choose. Nothing is forced at the
     * beginning if the tokenizer drops a space there.
     *
     * @return token ids, which {@link #advance} accepts in turn; empty where nothing is forced
     */
    public int[] forced() {
        return beginning ? new int[0] : vocabulary.trie().cover(forcedBytes());
    }

    /**
     * Returns a constraint after the same text.
     *
     * @return an independent copy
     */
    public Constraint copy() {
        Constraint copy = new Constraint(grammar, state, beginning);
        copy.ended = ended;
        return copy;
    }

    /** Returns the state after a token with bytes, or null if it may not follow. */
    private @Nullable ParserState after(int token) {
        if (ended || token < 0 || token >= vocabulary.size()) {
            return null;
        }
        byte[] piece = vocabulary.trie().piece(token);
        if (piece.length == 0) {
            return null;
        }
        return beginning && piece[0] == ' '
                ? state.after(Arrays.copyOfRange(piece, 1, piece.length))
                : state.after(piece);
    }
}
