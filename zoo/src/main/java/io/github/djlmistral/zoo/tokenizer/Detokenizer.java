/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import java.util.Arrays;

/**
 * Incremental detokenizer for streaming. Each piece of text consists of whole characters, and the
 * concatenation of all pieces equals {@link MistralTokenizer#decode} of all ids.
 *
 * <p>The text of a token depends on its neighbours: "▁lighthouse" is "lighthouse" at the start of a
 * text and " lighthouse" elsewhere, and a character such as an emoji may consist of several byte
 * tokens. Therefore a group of ids is decoded together with the previous group, and the text of the
 * previous group is removed. A run of byte tokens forms a group with the token that ends it,
 * because the reference decodes the run at once: one invalid byte turns every byte of it into
 * U+FFFD. A line feed is a byte token, so that it is returned with the following token, or by
 * {@link #flush}.
 *
 * <p>Each id is decoded at most three times, so that the cost is linear in the length of the text.
 * Not thread-safe; a detokenizer processes one text at a time.
 */
public final class Detokenizer {

    // in vocabularies of byte-level BPE, which have no byte tokens, a character spans at most 4
    private static final int LONGEST_WAIT = 8;

    private final MistralTokenizer tokenizer;
    private final boolean skipSpecialTokens;

    private long[] window = new long[16]; // the previous group, then the pending ids
    private int context; // number of ids of the previous group
    private int size;

    Detokenizer(MistralTokenizer tokenizer, boolean skipSpecialTokens) {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
    }

    /**
     * Adds the next id.
     *
     * @param id the id
     * @return the text that is now complete, often empty
     * @throws IllegalArgumentException if the id is not in the vocabulary
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String push(long id) {
        tokenizer.vocabulary().check(id);
        if (skipSpecialTokens && tokenizer.vocabulary().isSpecial(id)) {
            return "";
        }
        if (size == window.length) {
            window = Arrays.copyOf(window, 2 * size);
        }
        window[size++] = id;
        return tokenizer.vocabulary().isByte(id) ? "" : advance(false);
    }

    /**
     * Ends the text; the next {@link #push} begins a new one.
     *
     * @return the pending text, with U+FFFD for incomplete characters
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String flush() {
        String rest = size > context ? advance(true) : "";
        context = 0;
        size = 0;
        return rest;
    }

    private String advance(boolean last) {
        String before = context == 0 ? "" : decode(context);
        String text = decode(size);
        if (!last
                && !tokenizer.vocabulary().hasByteFallback()
                && text.endsWith("\uFFFD")
                && size - context < LONGEST_WAIT) {
            return "";
        }
        String piece = text.substring(Math.min(before.length(), text.length()));
        size -= context;
        System.arraycopy(window, context, window, 0, size);
        context = size;
        return piece;
    }

    private String decode(int length) {
        return tokenizer.decode(Arrays.copyOf(window, length), skipSpecialTokens);
    }
}
