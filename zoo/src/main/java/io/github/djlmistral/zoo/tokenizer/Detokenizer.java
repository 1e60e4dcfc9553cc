/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import java.util.Arrays;

/**
 * Incremental detokenizer for streaming. Each piece of text holds whole characters, and the
 * concatenation of all pieces equals {@link MistralTokenizer#decode} of all ids.
 *
 * <p>A single token says neither: "▁lighthouse" is "lighthouse" at the start of a text and "
 * lighthouse" elsewhere, and a character such as an emoji may be spread over several byte tokens.
 * So a group of ids is decoded together with the group before it, and what that one gives alone is
 * cut off. A run of byte tokens is a group with the token that ends it, because the reference
 * decodes it as one: a wrong byte makes every byte of the run U+FFFD. As a line feed is a byte
 * token, it comes out together with the token behind it, or with {@link #flush}.
 *
 * <p>Every id is decoded three times at most, so the cost of a text grows with its length only. Not
 * thread-safe; one detokenizer serves one text at a time.
 */
public final class Detokenizer {

    // Without byte tokens (vocabularies of byte-level BPE), a character still spans four at most.
    private static final int LONGEST_WAIT = 8;

    private final MistralTokenizer tokenizer;
    private final boolean skipSpecialTokens;

    private long[] window = new long[16]; // the group before, then the ids not yet handed out
    private int context; // ids of the group before
    private int size;

    Detokenizer(MistralTokenizer tokenizer, boolean skipSpecialTokens) {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
    }

    /**
     * Takes the next id.
     *
     * @param id the id
     * @return the text that is certain now, often empty
     * @throws IllegalArgumentException if the id is not in the vocabulary
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String push(long id) {
        tokenizer.check(id);
        if (skipSpecialTokens && tokenizer.isSpecial(id)) {
            return "";
        }
        if (size == window.length) {
            window = Arrays.copyOf(window, 2 * size);
        }
        window[size++] = id;
        return tokenizer.isByte(id) ? "" : advance(false);
    }

    /**
     * Ends the text; the next {@link #push} begins a new one.
     *
     * @return what has been held back, U+FFFD in the place of incomplete characters
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
                && !tokenizer.hasByteFallback()
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
