/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;

/** The UTF-8 encodings of characters as regular expressions over bytes. */
final class Utf8 {

    /** The last character of each length of encoding. */
    private static final int[] LAST = {0x7F, 0x7FF, 0xFFFF, Character.MAX_CODE_POINT};

    private Utf8() {}

    /** Returns the encodings of the characters of a set. */
    static int bytes(ByteRegexes regexes, CodePoints set) {
        int[] ranges = set.ranges();
        int[] options = new int[ranges.length / 2 * LAST.length];
        int size = 0;
        for (int i = 0; i < ranges.length; i += 2) {
            for (int length = 1; length <= LAST.length; length++) {
                int first = Math.max(ranges[i], length == 1 ? 0 : LAST[length - 2] + 1);
                int last = Math.min(ranges[i + 1], LAST[length - 1]);
                if (first <= last) {
                    options[size++] = range(regexes, encode(first, length), encode(last, length));
                }
            }
        }
        return regexes.union(Arrays.copyOf(options, size));
    }

    private static int[] encode(int codePoint, int length) {
        if (length == 1) {
            return new int[] {codePoint};
        }
        int[] bytes = new int[length];
        int rest = codePoint;
        for (int i = length - 1; i > 0; i--) {
            bytes[i] = 0x80 | (rest & 0x3F);
            rest >>= 6;
        }
        bytes[0] = ((0xF0 << (4 - length)) & 0xFF) | rest;
        return bytes;
    }

    private static int range(ByteRegexes regexes, int[] first, int[] last) {
        return range(regexes, first, last, 0, true, true);
    }

    /**
     * Returns the encodings from byte i on. {@code fromFirst}: the bytes before are those of {@code
     * first}, which so bounds the rest; else it starts with 0x80. The same of the last.
     */
    private static int range(
            ByteRegexes regexes,
            int[] first,
            int[] last,
            int i,
            boolean fromFirst,
            boolean toLast) {
        if (i == first.length) {
            return ByteRegexes.EMPTY;
        }
        int low = fromFirst ? first[i] : 0x80;
        int high = toLast ? last[i] : 0xBF;
        if (low == high) {
            return regexes.concat(
                    regexes.bytes(low, low), range(regexes, first, last, i + 1, fromFirst, toLast));
        }
        int result = ByteRegexes.NOTHING;
        if (fromFirst) {
            int rest = range(regexes, first, last, i + 1, true, false);
            result = regexes.union(result, regexes.concat(regexes.bytes(low, low), rest));
            low++;
        }
        if (toLast) {
            int rest = range(regexes, first, last, i + 1, false, true);
            result = regexes.union(result, regexes.concat(regexes.bytes(high, high), rest));
            high--;
        }
        if (low <= high) {
            int rest = range(regexes, first, last, i + 1, false, false);
            result = regexes.union(result, regexes.concat(regexes.bytes(low, high), rest));
        }
        return result;
    }
}
