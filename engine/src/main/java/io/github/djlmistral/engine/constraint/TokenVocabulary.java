/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.CodePoints;
import io.github.djlmistral.engine.internal.constraint.Regex;
import io.github.djlmistral.engine.internal.constraint.TokenTrie;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of every token of a tokenizer, and the tokens that end a text. Immutable; one a
 * tokenizer is enough.
 *
 * <p>The bytes are those of the text that the token adds in the middle of a text: a SentencePiece
 * piece with U+2581 counts as a space, byte fallback {@code <0xE2>} as the byte 0xE2. Tokens
 * without bytes (control tokens) are allowed only where a grammar names them.
 *
 * <p>A vocabulary that has not every byte of UTF-8 as a token spells characters only with tokens of
 * whole characters; a character without a token of its own cannot occur in a text.
 */
public final class TokenVocabulary {

    private final TokenTrie trie;
    private final @Nullable Regex spelled;
    private final int[] ends;
    private final boolean dropsFirstSpace;

    private TokenVocabulary(
            TokenTrie trie, @Nullable Regex spelled, int[] ends, boolean dropsFirstSpace) {
        this.trie = trie;
        this.spelled = spelled;
        this.ends = ends;
        this.dropsFirstSpace = dropsFirstSpace;
    }

    /**
     * Returns a vocabulary.
     *
     * @param pieces the bytes of each token, by id; null or empty for a control token
     * @param ends the ids of the tokens that end a text, usually one; their pieces are ignored
     * @return the vocabulary
     * @throws IllegalArgumentException if an end is outside the vocabulary
     */
    public static TokenVocabulary of(List<byte @Nullable []> pieces, int... ends) {
        byte[][] bytes = new byte[pieces.size()][];
        for (int token = 0; token < bytes.length; token++) {
            byte[] piece = pieces.get(token);
            if (piece == null || piece.length == 0) {
                bytes[token] = TokenTrie.control(token);
            } else {
                // a byte that is in no text would begin a control token
                bytes[token] = hasControl(piece) ? new byte[0] : piece.clone();
            }
        }
        Regex spelled = null;
        if (!hasEveryByte(bytes)) {
            BitSet characters = new BitSet();
            for (int token = 0; token < bytes.length; token++) {
                String text = text(bytes[token]);
                if (bytes[token].length > 0 && bytes[token][0] == TokenTrie.CONTROL) {
                    continue;
                }
                if (text == null) {
                    bytes[token] = new byte[0];
                } else if (text.codePointCount(0, text.length()) == 1) {
                    characters.set(text.codePointAt(0));
                }
            }
            spelled =
                    new Regex.Repeat(
                            new Regex.Chars(CodePoints.matching(characters::get)),
                            0,
                            Expression.UNBOUNDED);
        }
        return new TokenVocabulary(new TokenTrie(bytes), spelled, new int[0], false).withEnds(ends);
    }

    private static boolean hasControl(byte[] piece) {
        for (byte b : piece) {
            if (b == TokenTrie.CONTROL) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether every byte that occurs in UTF-8 is a token. */
    private static boolean hasEveryByte(byte[][] pieces) {
        BitSet bytes = new BitSet();
        for (byte[] piece : pieces) {
            if (piece.length == 1) {
                bytes.set(piece[0] & 0xFF);
            }
        }
        // no character has 0xC0, 0xC1 or one above 0xF4
        return bytes.nextClearBit(0) >= 0xC0 && bytes.nextClearBit(0xC2) > 0xF4;
    }

    /** Returns the text of bytes, or null if they are not whole characters. */
    private static @Nullable String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /**
     * Returns this vocabulary with other tokens that end a text.
     *
     * @param newEnds their ids; they are no part of a text, whatever their pieces are
     * @return the vocabulary
     * @throws IllegalArgumentException if an end is outside the vocabulary
     */
    public TokenVocabulary withEnds(int... newEnds) {
        for (int end : newEnds) {
            if (end < 0 || end >= size()) {
                throw new IllegalArgumentException(
                        "the end token " + end + " is outside 0.." + (size() - 1));
            }
        }
        return new TokenVocabulary(trie, spelled, newEnds.clone(), dropsFirstSpace);
    }

    /**
     * Returns this vocabulary for a tokenizer that drops a space at the beginning of what it
     * decodes, as SentencePiece does: a text may be written with or without that space.
     *
     * @return the vocabulary
     */
    public TokenVocabulary withoutFirstSpace() {
        return new TokenVocabulary(trie, spelled, ends, true);
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

    /**
     * Checks that a token is a control token.
     *
     * @throws IllegalArgumentException if it has bytes, or is outside the vocabulary
     */
    void checkControl(int token) {
        if (!trie.isControl(token)) {
            throw new IllegalArgumentException(
                    "the grammar names token " + token + ", which is no control token");
        }
    }

    TokenTrie trie() {
        return trie;
    }

    int[] ends() {
        return ends;
    }

    boolean dropsFirstSpace() {
        return dropsFirstSpace;
    }

    /** Returns the texts that the tokens can spell, or null for all. */
    @Nullable Regex spelled() {
        return spelled;
    }
}
