/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How JSON writes strings (RFC 8259, section 7): the inverse image of a regular expression under
 * the decoding of escapes. Decoding is a function of the written characters, so that the inverse
 * image of a union, concatenation, intersection or difference is that of the parts.
 */
public final class JsonStrings {

    private static final Regex QUOTE = chars('"', '"');
    private static final Regex BACKSLASH = chars('\\', '\\');

    /** What may stand as itself. */
    private static final CodePoints PLAIN =
            CodePoints.range(0x20, Character.MAX_CODE_POINT)
                    .intersect(CodePoints.of('"').union(CodePoints.of('\\')).complement());

    /** Any characters that may stand as themselves. */
    static final Regex UNESCAPED =
            new Regex.Repeat(new Regex.Chars(PLAIN), 0, ByteRegexes.UNBOUNDED);

    /** Characters, and the letters that stand for them after a backslash. */
    private static final String ESCAPED = "\"\\/\b\f\n\r\t";

    private static final String LETTERS = "\"\\/bfnrt";

    private static final Regex CHARACTER = character(CodePoints.ALL);

    /** Any string: one object, which a grammar of many strings compiles once. */
    private static final Regex ANY = new JsonStrings().inQuotes(Regex.ANY);

    /**
     * What is written for a set of characters: a pattern has few sets at many places, and what is
     * one object is also compiled once.
     */
    private final Map<CodePoints, Regex> characters = new HashMap<>();

    private JsonStrings() {
        characters.put(CodePoints.ALL, CHARACTER);
    }

    /** Returns the strings, in quotation marks, whose values a regular expression matches. */
    @SuppressWarnings("ReferenceEquality") // a shortcut for the constant
    public static Regex quoted(Regex value) {
        return value == Regex.ANY ? ANY : new JsonStrings().inQuotes(value);
    }

    private Regex inQuotes(Regex value) {
        return new Regex.Concat(List.of(QUOTE, written(value), QUOTE));
    }

    private Regex written(Regex regex) {
        if (regex instanceof Regex.Chars chars) {
            return characters.computeIfAbsent(chars.set(), JsonStrings::character);
        }
        if (regex instanceof Regex.Concat concat) {
            return new Regex.Concat(concat.parts().stream().map(this::written).toList());
        }
        if (regex instanceof Regex.Union union) {
            return new Regex.Union(union.options().stream().map(this::written).toList());
        }
        if (regex instanceof Regex.Repeat repeat) {
            return new Regex.Repeat(written(repeat.part()), repeat.min(), repeat.max());
        }
        if (regex instanceof Regex.Intersection both) {
            return new Regex.Intersection(written(both.left()), written(both.right()));
        }
        Regex.Difference difference = (Regex.Difference) regex;
        return new Regex.Difference(written(difference.left()), written(difference.right()));
    }

    private static Regex character(CodePoints set) {
        List<Regex> options = new ArrayList<>();
        options.add(new Regex.Chars(set.intersect(PLAIN)));
        CodePoints letters = CodePoints.NONE;
        for (int i = 0; i < ESCAPED.length(); i++) {
            if (set.contains(ESCAPED.charAt(i))) {
                letters = letters.union(CodePoints.of(LETTERS.charAt(i)));
            }
        }
        options.add(new Regex.Concat(List.of(BACKSLASH, new Regex.Chars(letters))));
        int[] ranges = set.ranges();
        for (int i = 0; i < ranges.length; i += 2) {
            int last = Math.min(ranges[i + 1], 0xFFFF);
            if (ranges[i] <= last) {
                options.add(unit(ranges[i], last));
            }
            int first = Math.max(ranges[i], 0x10000);
            if (first <= ranges[i + 1]) {
                surrogates(first, ranges[i + 1], options);
            }
        }
        return new Regex.Union(List.copyOf(options));
    }

    /** Adds the pairs of escapes of characters above U+FFFF. */
    private static void surrogates(int first, int last, List<Regex> options) {
        int low = Character.highSurrogate(first);
        int high = Character.highSurrogate(last);
        char start = Character.lowSurrogate(first);
        char end = Character.lowSurrogate(last);
        if (low == high) {
            options.add(pair(low, high, start, end));
            return;
        }
        options.add(pair(low, low, start, 0xDFFF));
        options.add(pair(high, high, 0xDC00, end));
        if (low + 1 < high) {
            options.add(pair(low + 1, high - 1, 0xDC00, 0xDFFF));
        }
    }

    private static Regex pair(int firstHigh, int lastHigh, int firstLow, int lastLow) {
        return new Regex.Concat(List.of(unit(firstHigh, lastHigh), unit(firstLow, lastLow)));
    }

    /** Returns the escapes of UTF-16 units: a backslash, u, four hexadecimal digits. */
    private static Regex unit(int first, int last) {
        return new Regex.Concat(
                List.of(BACKSLASH, chars('u', 'u'), digits(first, last, 12, true, true)));
    }

    /** Returns the digits from bit {@code shift} down; the flags are those of {@link Utf8}. */
    private static Regex digits(int first, int last, int shift, boolean fromFirst, boolean toLast) {
        if (shift < 0) {
            return Regex.EMPTY;
        }
        int low = fromFirst ? first >> shift & 15 : 0;
        int high = toLast ? last >> shift & 15 : 15;
        int next = shift - 4;
        if (low == high) {
            Regex rest = digits(first, last, next, fromFirst, toLast);
            return new Regex.Concat(List.of(digit(low, high), rest));
        }
        List<Regex> options = new ArrayList<>();
        if (fromFirst) {
            Regex rest = digits(first, last, next, true, false);
            options.add(new Regex.Concat(List.of(digit(low, low), rest)));
            low++;
        }
        if (toLast) {
            Regex rest = digits(first, last, next, false, true);
            options.add(new Regex.Concat(List.of(digit(high, high), rest)));
            high--;
        }
        if (low <= high) {
            Regex rest = digits(first, last, next, false, false);
            options.add(new Regex.Concat(List.of(digit(low, high), rest)));
        }
        return new Regex.Union(List.copyOf(options));
    }

    private static Regex digit(int low, int high) {
        CodePoints set = CodePoints.NONE;
        if (low <= 9) {
            set = CodePoints.range('0' + low, '0' + Math.min(high, 9));
        }
        if (high > 9) {
            int from = Math.max(low, 10) - 10;
            set = set.union(CodePoints.range('a' + from, 'a' + high - 10));
            set = set.union(CodePoints.range('A' + from, 'A' + high - 10));
        }
        return new Regex.Chars(set);
    }

    private static Regex chars(int first, int last) {
        return new Regex.Chars(CodePoints.range(first, last));
    }
}
