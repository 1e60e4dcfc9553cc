/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Arrays;

/** Builds a {@link Str}, charging each character before it is stored. */
final class StrBuilder {

    private final Budget budget;
    private final StringBuilder text = new StringBuilder();
    private int[] edges = {};
    private int edgeCount;
    private boolean input;

    StrBuilder(Budget budget) {
        this.budget = budget;
        budget.object();
    }

    int length() {
        return text.length();
    }

    private void origin(boolean isInput) {
        if (input != isInput) {
            if (edgeCount == edges.length) {
                budget.characters(2L * edgeCount + 4);
                edges = Arrays.copyOf(edges, 2 * edgeCount + 4);
            }
            edges[edgeCount++] = text.length();
            input = isInput;
        }
    }

    StrBuilder append(Str s) {
        return append(s, 0, s.text().length());
    }

    StrBuilder append(Str s, int from, int to) {
        if (from >= to) {
            return this;
        }
        budget.characters(to - from);
        if (s.isUniform()) {
            origin(s.hasInput());
            text.append(s.text(), from, to);
            return this;
        }
        boolean isInput = s.isInput(from);
        int start = from;
        for (int edge : s.edges()) {
            if (edge > from && edge < to) {
                origin(isInput);
                text.append(s.text(), start, edge);
                start = edge;
                isInput = !isInput;
            }
        }
        origin(isInput);
        text.append(s.text(), start, to);
        return this;
    }

    /** Appends text of the template. */
    StrBuilder append(String s) {
        return append(s, false);
    }

    StrBuilder append(String s, boolean isInput) {
        if (!s.isEmpty()) {
            budget.characters(s.length());
            origin(isInput);
            text.append(s);
        }
        return this;
    }

    StrBuilder append(char c) {
        return append(c, false);
    }

    StrBuilder append(char c, boolean isInput) {
        budget.characters(1);
        origin(isInput);
        text.append(c);
        return this;
    }

    StrBuilder repeat(Str s, long times) {
        if (times > 0 && !s.isEmpty()) {
            if (times > Integer.MAX_VALUE) {
                throw PyError.limit("a string of " + times + " repetitions is too long");
            }
            budget.characters(times * s.text().length());
            for (long i = 0; i < times; i++) {
                append(s);
            }
        }
        return this;
    }

    Str toStr() {
        budget.characters(text.length());
        return Str.of(text.toString(), Arrays.copyOf(edges, edgeCount));
    }
}
