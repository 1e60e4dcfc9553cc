/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** Substring search that charges the budget for each comparison of characters. */
final class Find {

    private static final int CHUNK = 1 << 12;

    private Find() {}

    /** Returns the first position of a part, not before {@code from}; -1 if there is none. */
    static int in(Budget budget, String text, String part, int from) {
        if (part.length() <= 16) {
            int at = text.indexOf(part, from);
            budget.work((at < 0 ? text.length() - from : at - from) >> 2);
            return at;
        }
        int last = text.length() - part.length();
        for (int start = from; start <= last; start += CHUNK) {
            int end = Math.min(last, start + CHUNK - 1);
            budget.work((long) (end - start + 1));
            for (int i = text.indexOf(part.charAt(0), start);
                    i >= 0 && i <= end;
                    i = text.indexOf(part.charAt(0), i + 1)) {
                int same = 1;
                while (same < part.length() && text.charAt(i + same) == part.charAt(same)) {
                    same++;
                }
                budget.work(same);
                if (same == part.length()) {
                    return i;
                }
            }
        }
        return -1;
    }

    /** Returns the last position of a part, at most {@code from}; -1 if there is none. */
    static int last(Budget budget, String text, String part, int from) {
        int first = Math.min(from, text.length() - part.length());
        for (int i = first; i >= 0; i--) {
            int same = 0;
            while (same < part.length() && text.charAt(i + same) == part.charAt(same)) {
                same++;
            }
            budget.work(same + 1L);
            if (same == part.length()) {
                return i;
            }
        }
        return -1;
    }
}
