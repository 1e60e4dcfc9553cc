/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;

/** The text of a grammar and a position in it. Errors name the line and the column. */
public final class GrammarText {

    /** How deep groups may nest: the parsers, and what follows them, are recursive. */
    public static final int DEPTH_LIMIT = 200;

    /** The largest count of a repetition. */
    static final int COUNT_LIMIT = 1_000_000;

    private final String text;
    private int position;

    public GrammarText(String text) {
        this.text = text;
    }

    public int position() {
        return position;
    }

    /** Moves to a position. */
    void reset(int to) {
        position = to;
    }

    public boolean atEnd() {
        return position == text.length();
    }

    /** Returns the UTF-16 unit at an offset from the position, or 0 behind the end. */
    public char peek(int offset) {
        int i = position + offset;
        return i < text.length() ? text.charAt(i) : 0;
    }

    public boolean peekIs(char c) {
        return !atEnd() && text.charAt(position) == c;
    }

    public boolean take(String expected) {
        boolean there = text.startsWith(expected, position);
        position += there ? expected.length() : 0;
        return there;
    }

    public void expect(String expected) {
        if (!take(expected)) {
            throw error("expected " + expected + (atEnd() ? " but the grammar ends" : ""));
        }
    }

    /** Returns the code point at the position, and moves behind it. */
    public int next() {
        if (atEnd()) {
            throw error("the grammar ends too early");
        }
        int c = text.codePointAt(position);
        if (c >= 0xD800 && c <= 0xDFFF) {
            throw error("half a surrogate pair");
        }
        position += Character.charCount(c);
        return c;
    }

    /** Whether the grammar or a line ends at the position. */
    public boolean atLineEnd() {
        return atEnd() || peekIs('\n') || peekIs('\r');
    }

    /**
     * Moves behind space and comments.
     *
     * @param lines whether lines may end
     * @param comments what begins a comment, up to the end of the line
     */
    public void space(boolean lines, String... comments) {
        while (true) {
            if (Arrays.stream(comments).anyMatch(this::take)) {
                while (!atLineEnd()) {
                    next();
                }
            } else if (peekIs(' ') || peekIs('\t') || (lines && !atEnd() && atLineEnd())) {
                position++;
            } else {
                return;
            }
        }
    }

    public String since(int start) {
        return text.substring(start, position);
    }

    /** Reads the count of a repetition. */
    public int count() {
        int start = position;
        int value = 0;
        while (peek(0) >= '0' && peek(0) <= '9') {
            value = value * 10 + next() - '0';
            if (value > COUNT_LIMIT) {
                throw error(start, "a count above 1,000,000");
            }
        }
        if (position == start) {
            throw error("expected a number");
        }
        return value;
    }

    /** Reads a number of hexadecimal digits. */
    public int hex(int digits) {
        int start = position;
        long value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = peek(0) < 128 ? Character.digit(peek(0), 16) : -1;
            if (digit < 0) {
                throw error("expected " + digits + " hexadecimal digits");
            }
            position++;
            value = value << 4 | digit;
        }
        if (value > Character.MAX_CODE_POINT) {
            throw error(start, "a character above U+10FFFF");
        }
        return (int) value;
    }

    public IllegalArgumentException error(String what) {
        return error(position, what);
    }

    /** Makes the error of a place, such as {@code line 3, column 7: expected )}. */
    public IllegalArgumentException error(int at, String what) {
        int line = 1;
        int start = 0;
        for (int i = 0; i < at; i++) {
            if (text.charAt(i) == '\n') {
                line++;
                start = i + 1;
            }
        }
        int column = text.codePointCount(start, at) + 1;
        return new IllegalArgumentException("line " + line + ", column " + column + ": " + what);
    }
}
