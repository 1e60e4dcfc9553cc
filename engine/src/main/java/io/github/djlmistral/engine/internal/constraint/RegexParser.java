/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static java.lang.Integer.MAX_VALUE;

import java.util.ArrayList;
import java.util.List;

/**
 * Parses regular expressions by recursive descent. Anchors may stand at the ends of the
 * alternatives of the whole pattern only.
 */
public final class RegexParser {

    /** How deep groups may nest: the parser and what follows it are recursive. */
    private static final int DEPTH_LIMIT = 200;

    private final String pattern;
    private final boolean anywhere;
    private int position;
    private int depth;

    /** Flag i: characters match in any case. */
    private boolean anyCase;

    /** Flag s: {@code .} matches line ends. */
    private boolean anyLine;

    private RegexParser(String pattern, boolean anywhere) {
        this.pattern = pattern;
        this.anywhere = anywhere;
    }

    /** Parses a pattern of whole texts. */
    public static Regex whole(String pattern) {
        return new RegexParser(pattern, false).parse();
    }

    /**
     * Parses a pattern of whole texts.
     *
     * @param anyCase whether characters match in any case
     * @param anyLine whether {@code .} matches line ends
     */
    static Regex whole(String pattern, boolean anyCase, boolean anyLine) {
        RegexParser parser = new RegexParser(pattern, false);
        parser.anyCase = anyCase;
        parser.anyLine = anyLine;
        return parser.parse();
    }

    /** Parses a pattern of texts that contain a match. */
    public static Regex anywhere(String pattern) {
        return new RegexParser(pattern, true).parse();
    }

    /** Returns the expression of one text. */
    public static Regex literal(String text) {
        List<Regex> parts = new ArrayList<>();
        text.codePoints()
                .forEach(
                        c -> {
                            if (c >= 0xD800 && c <= 0xDFFF) {
                                throw new IllegalArgumentException(
                                        "the text has half a surrogate pair: " + text);
                            }
                            parts.add(new Regex.Chars(CodePoints.of(c)));
                        });
        return new Regex.Concat(List.copyOf(parts));
    }

    private Regex parse() {
        Regex result = alternatives(true, true);
        if (position < pattern.length()) {
            throw error("a closing parenthesis without an opening one");
        }
        return result;
    }

    /**
     * Parses to the end or a closing parenthesis.
     *
     * @param atStart whether an alternative may start with {@code ^}
     * @param atEnd whether it may end with {@code $}
     */
    private Regex alternatives(boolean atStart, boolean atEnd) {
        List<Regex> options = new ArrayList<>();
        do {
            options.add(sequence(atStart, atEnd));
        } while (take('|'));
        return options.size() == 1 ? options.get(0) : new Regex.Union(List.copyOf(options));
    }

    private Regex sequence(boolean atStart, boolean atEnd) {
        List<Regex> parts = new ArrayList<>();
        boolean begins = false;
        boolean ends = false;
        while (position < pattern.length() && peek() != '|' && peek() != ')') {
            if (ends && peek() != '$') {
                throw error("$ is supported only at the end of an alternative");
            }
            if (peek() == '^') {
                if (!atStart || !parts.isEmpty() || ends) {
                    throw error("^ is supported only at the start of an alternative");
                }
                position++;
                begins = true;
            } else if (peek() == '$') {
                if (!atEnd) {
                    throw error("$ is supported only at the end of an alternative");
                }
                position++;
                ends = true;
            } else {
                parts.add(quantified());
            }
        }
        if (anywhere && atStart && !begins) {
            parts.add(0, Regex.ANY);
        }
        if (anywhere && atEnd && !ends) {
            parts.add(Regex.ANY);
        }
        return parts.size() == 1 ? parts.get(0) : new Regex.Concat(List.copyOf(parts));
    }

    private Regex quantified() {
        Regex part = atom();
        int min;
        int max;
        if (take('*')) {
            min = 0;
            max = MAX_VALUE;
        } else if (take('+')) {
            min = 1;
            max = MAX_VALUE;
        } else if (take('?')) {
            min = 0;
            max = 1;
        } else if (take('{')) {
            min = number();
            max = take(',') ? (peekIs('}') ? MAX_VALUE : number()) : min;
            expect('}');
            if (max < min) {
                throw error("a repetition whose least count is above its greatest");
            }
        } else {
            return part;
        }
        if (!take('?') && peekIs('+')) {
            throw error("possessive quantifiers are not supported");
        }
        return new Regex.Repeat(part, min, max);
    }

    private Regex atom() {
        int start = position;
        int c = next();
        return switch (c) {
            case '(' -> group();
            case '[' -> new Regex.Chars(RegexClasses.brackets(this));
            case '.' ->
                    new Regex.Chars(anyLine ? CodePoints.ALL : RegexClasses.LINE_ENDS.complement());
            case '\\' -> new Regex.Chars(inAnyCase(RegexClasses.escape(this, false)));
            case '*', '+', '?', '{' -> {
                position = start;
                throw error("a quantifier without anything before it");
            }
            default -> new Regex.Chars(inAnyCase(CodePoints.of(c)));
        };
    }

    /** Returns the set, closed over case under the flag i. */
    CodePoints inAnyCase(CodePoints set) {
        return anyCase ? CaseFolding.close(set) : set;
    }

    private Regex group() {
        boolean outerCase = anyCase;
        boolean outerLine = anyLine;
        if (take('?')) {
            if (take('<')) {
                if (peekIs('=') || peekIs('!')) {
                    throw error("look-behind is not supported");
                }
                while (!take('>')) {
                    next();
                }
            } else {
                flags();
            }
        }
        if (++depth > DEPTH_LIMIT) {
            throw error("groups nest deeper than " + DEPTH_LIMIT);
        }
        Regex result = alternatives(false, false);
        depth--;
        expect(')');
        anyCase = outerCase;
        anyLine = outerLine;
        return result;
    }

    /** Parses the flags of a group up to the colon, as in {@code (?i-s:...)}. */
    private void flags() {
        boolean on = true;
        while (!take(':')) {
            if (on && take('-')) {
                on = false;
            } else if (take('i')) {
                anyCase = on;
            } else if (take('s')) {
                anyLine = on;
            } else {
                throw error("look-ahead, and flags other than i and s, are not supported");
            }
        }
    }

    private int number() {
        long value = 0;
        int start = position;
        while (position < pattern.length() && peek() >= '0' && peek() <= '9') {
            value = Math.min(value * 10 + next() - '0', MAX_VALUE);
        }
        if (position == start) {
            throw error("a count is missing in a repetition");
        }
        if (value > 1_000_000) {
            throw error("a count above 1,000,000");
        }
        return (int) value;
    }

    /** Returns the character at the position, and moves past it. */
    int next() {
        if (position >= pattern.length()) {
            throw error("the pattern ends too early");
        }
        int c = pattern.codePointAt(position);
        if (c >= 0xD800 && c <= 0xDFFF) {
            throw error("half a surrogate pair");
        }
        position += Character.charCount(c);
        return c;
    }

    int peek() {
        return pattern.charAt(position);
    }

    boolean peekIs(char c) {
        return position < pattern.length() && pattern.charAt(position) == c;
    }

    boolean take(char c) {
        boolean there = peekIs(c);
        position += there ? 1 : 0;
        return there;
    }

    void expect(char c) {
        if (!take(c)) {
            throw error("expected " + c);
        }
    }

    /** Whether the text follows; if so, moves past it. */
    boolean take(String text) {
        boolean there = pattern.startsWith(text, position);
        position += there ? text.length() : 0;
        return there;
    }

    IllegalArgumentException error(String what) {
        return new IllegalArgumentException(
                what + ", at index " + position + " of the regular expression " + pattern);
    }
}
