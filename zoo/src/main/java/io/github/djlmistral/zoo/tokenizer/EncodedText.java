/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import java.util.Arrays;

/**
 * Token ids and where their characters are in the text.
 *
 * <p>A token may begin with the space before its word. Several tokens may share a character: the
 * bytes of one that is not in the vocabulary.
 *
 * @param ids token ids
 * @param starts index in the text, in UTF-16 code units, of the first character of each token; -1
 *     for special tokens that were added
 * @param ends index after the last character of each token; -1 for special tokens that were added
 */
@SuppressWarnings("ArrayRecordComponent") // results are not compared
public record EncodedText(long[] ids, int[] starts, int[] ends) {

    /**
     * Returns whether a token was added to the text.
     *
     * @param token its index
     * @return whether it is a special token without characters of the text
     */
    public boolean isSpecial(int token) {
        return starts[token] < 0;
    }

    /**
     * Drops tokens from the end of the text, but keeps a special token behind it, as transformers
     * does with {@code truncation=True}.
     *
     * @param length the number of tokens to keep, positive
     * @return this text if it is not longer
     */
    public EncodedText truncated(int length) {
        int last = ids.length - 1;
        if (last < length) {
            return this;
        }
        EncodedText result =
                new EncodedText(
                        Arrays.copyOf(ids, length),
                        Arrays.copyOf(starts, length),
                        Arrays.copyOf(ends, length));
        if (length > 1 && isSpecial(last)) {
            result.ids[length - 1] = ids[last];
            result.starts[length - 1] = -1;
            result.ends[length - 1] = -1;
        }
        return result;
    }

    /** Puts special tokens around the text. */
    EncodedText surrounded(long[] before, long[] after) {
        int length = before.length + ids.length + after.length;
        long[] all = Arrays.copyOf(before, length);
        System.arraycopy(ids, 0, all, before.length, ids.length);
        System.arraycopy(after, 0, all, before.length + ids.length, after.length);
        return new EncodedText(
                all, shifted(starts, before.length, length), shifted(ends, before.length, length));
    }

    /** Replaces offsets by what a map has at these indices. */
    EncodedText mapped(int[] map) {
        return new EncodedText(ids, mapped(starts, map), mapped(ends, map));
    }

    private static int[] mapped(int[] offsets, int[] map) {
        return Arrays.stream(offsets).map(at -> at < 0 ? at : map[at]).toArray();
    }

    private static int[] shifted(int[] offsets, int by, int length) {
        int[] all = new int[length];
        Arrays.fill(all, -1);
        System.arraycopy(offsets, 0, all, by, offsets.length);
        return all;
    }

    /**
     * Appends a text. The offsets of this one are dropped.
     *
     * @param text the text that the offsets of the result are of
     * @return both texts
     */
    public EncodedText then(EncodedText text) {
        return text.surrounded(ids, new long[0]);
    }
}
