/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Arrays;

/**
 * A Python string that knows which of its characters come from the input (messages, tools and other
 * variables) and which from the template itself (literals and special tokens).
 *
 * <p>Equality, order and hash are those of the text; indices of the language are code points, those
 * of this class are UTF-16 units.
 */
final class Str implements Comparable<Str> {

    private static final int[] FROM_TEMPLATE = {};
    private static final int[] FROM_INPUT = {0};

    static final Str EMPTY = new Str("", FROM_TEMPLATE, false);

    private final String text;

    /** Ascending positions at which the origin changes; text before the first is the template's. */
    private final int[] edges;

    private final boolean markup;

    private int length = -1;

    private Str(String text, int[] edges, boolean markup) {
        this.text = text;
        this.edges = edges;
        this.markup = markup;
    }

    /** Text of the template. */
    static Str of(String text) {
        return text.isEmpty() ? EMPTY : new Str(text, FROM_TEMPLATE, false);
    }

    /** Text of the input. */
    static Str input(String text) {
        return text.isEmpty() ? EMPTY : new Str(text, FROM_INPUT, false);
    }

    static Str of(String text, boolean input) {
        return input ? input(text) : of(text);
    }

    static Str of(String text, int[] edges) {
        return edges.length == 0 ? of(text) : new Str(text, edges, false);
    }

    String text() {
        return text;
    }

    int[] edges() {
        return edges;
    }

    /** Whether HTML markup is escaped in it already (Python's {@code Markup}). */
    boolean isMarkup() {
        return markup;
    }

    Str asMarkup() {
        return markup ? this : new Str(text, edges, true);
    }

    Str asPlain() {
        return markup ? new Str(text, edges, false) : this;
    }

    /** Number of code points. */
    int length() {
        if (length < 0) {
            length = text.codePointCount(0, text.length());
        }
        return length;
    }

    boolean isEmpty() {
        return text.isEmpty();
    }

    private boolean hasSurrogates() {
        return length() != text.length();
    }

    /** Returns the position in UTF-16 units of a code point, which may take a scan. */
    int offset(Budget budget, int codePoint) {
        if (!hasSurrogates()) {
            return codePoint;
        }
        budget.work(4L * codePoint);
        return text.offsetByCodePoints(0, codePoint);
    }

    /** Returns the number of code points before a position in UTF-16 units. */
    int index(Budget budget, int offset) {
        if (!hasSurrogates()) {
            return offset;
        }
        budget.work(4L * offset);
        return text.codePointCount(0, offset);
    }

    /** Whether any character comes from the input. */
    boolean hasInput() {
        return edges.length > 0;
    }

    /** Whether all characters have one origin. */
    boolean isUniform() {
        return edges.length == 0 || (edges.length == 1 && edges[0] == 0);
    }

    /** Whether the character at a position comes from the input. */
    boolean isInput(int offset) {
        int at = Arrays.binarySearch(edges, offset);
        int edgesUpTo = at >= 0 ? at + 1 : -at - 1;
        return (edgesUpTo & 1) == 1;
    }

    /** Returns a part between two positions in UTF-16 units. */
    Str substring(Budget budget, int from, int to) {
        if (from >= to) {
            return EMPTY;
        }
        if (from == 0 && to == text.length()) {
            return this;
        }
        budget.object();
        budget.characters(to - from);
        if (isUniform()) {
            return new Str(text.substring(from, to), edges, false);
        }
        return new StrBuilder(budget).append(this, from, to).toStr();
    }

    Str substring(Budget budget, int from) {
        return substring(budget, from, text.length());
    }

    Str concat(Budget budget, Str other) {
        if (isEmpty()) {
            return other;
        }
        if (other.isEmpty()) {
            return this;
        }
        return new StrBuilder(budget).append(this).append(other).toStr();
    }

    @Override
    public int compareTo(Str other) {
        int n = Math.min(text.length(), other.text.length());
        for (int i = 0; i < n; i++) {
            char a = text.charAt(i);
            char b = other.text.charAt(i);
            if (a != b) {
                // Surrogates stand for code points above all others.
                boolean aHigh = Character.isSurrogate(a);
                boolean bHigh = Character.isSurrogate(b);
                return aHigh == bHigh ? Character.compare(a, b) : aHigh ? 1 : -1;
            }
        }
        return Integer.compare(text.length(), other.text.length());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Str s && text.equals(s.text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}
