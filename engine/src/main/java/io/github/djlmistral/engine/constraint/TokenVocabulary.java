/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.TokenTrie;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of every token of a tokenizer, and the tokens that end a text. Immutable; one a
 * tokenizer is enough.
 *
 * <p>The bytes are those of the text that the token adds in the middle of a text: a SentencePiece
 * piece with U+2581 counts as a space, byte fallback {@code <0xE2>} as the byte 0xE2. Tokens without
 * bytes (control tokens) are never allowed.
 */
public final class TokenVocabulary {

    private final TokenTrie trie;
    private final int[] ends;

    private TokenVocabulary(TokenTrie trie, int[] ends) {
        this.trie = trie;
        this.ends = ends;
    }

    /**
     * Returns a vocabulary.
     *
     * @param pieces the bytes of each token, by id; null or empty for a control token
     * @param ends the ids of the tokens that end a text, usually one; their pieces are ignored
     * @return the vocabulary
     * @throws IllegalArgumentException if an end is outside the vocabulary, or there is none
     */
    public static TokenVocabulary of(List<byte @Nullable []> pieces, int... ends) {
        if (ends.length == 0) {
            throw new IllegalArgumentException("a vocabulary needs a token that ends a text");
        }
        byte[][] bytes = new byte[pieces.size()][];
        for (int token = 0; token < bytes.length; token++) {
            byte[] piece = pieces.get(token);
            bytes[token] = piece == null ? new byte[0] : piece.clone();
        }
        for (int end : ends) {
            if (end < 0 || end >= bytes.length) {
                throw new IllegalArgumentException(
                        "the end token " + end + " is outside 0.." + (bytes.length - 1));
            }
            bytes[end] = new byte[0];
        }
        return new TokenVocabulary(new TokenTrie(bytes), ends.clone());
    }

    /**
     * Returns the number of tokens.
     *
     * @return the size, control tokens included
     */
    public int size() {
        return trie.tokens();
    }

    /**
     * Returns whether a token ends a text.
     *
     * @param token a token id
     * @return whether it is one of the ends
     */
    public boolean isEnd(int token) {
        return Arrays.stream(ends).anyMatch(end -> end == token);
    }

    TokenTrie trie() {
        return trie;
    }

    int[] ends() {
        return ends;
    }
}
