/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Operations on strings that filters and methods share. */
final class Text {

    private static final int PIECE = 256;

    private Text() {}

    /** Which ends {@link #strip} strips. */
    enum Ends {
        BOTH,
        START,
        END
    }

    /**
     * Strips characters from the ends.
     *
     * @param chars the characters; white space if null
     */
    static Str strip(Budget budget, Str s, @Nullable Object chars, Ends ends) {
        IntPredicate stripped;
        if (chars == null || chars == None.NONE) {
            stripped = Chars::isSpace;
        } else if (chars instanceof Str set) {
            int[] sorted = set.text().codePoints().sorted().toArray();
            budget.characters(2L * sorted.length);
            stripped = c -> java.util.Arrays.binarySearch(sorted, c) >= 0;
        } else {
            throw PyError.type("strip arg must be None or str, not " + Types.name(chars));
        }
        String text = s.text();
        int start = 0;
        int end = text.length();
        while (ends != Ends.END && start < end && stripped.test(text.codePointAt(start))) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (ends != Ends.START && start < end && stripped.test(text.codePointBefore(end))) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        budget.work(text.length() - (end - start));
        return s.substring(budget, start, end);
    }

    static Str foldCase(Budget budget, Str s) {
        return change(budget, s, text -> lower(upper(text)).replace('ς', 'σ'));
    }

    static Str swapCase(Budget budget, Str s) {
        StrBuilder out = new StrBuilder(budget);
        for (int i = 0; i < s.text().length(); ) {
            int c = s.text().codePointAt(i);
            int end = i + Character.charCount(c);
            Str letter = s.substring(budget, i, end);
            out.append(
                    Character.isUpperCase(c)
                            ? lower(budget, letter)
                            : Character.isLowerCase(c) ? upper(budget, letter) : letter);
            i = end;
        }
        return out.toStr();
    }

    /**
     * Upper-cases piece by piece: {@code String.toUpperCase} takes quadratic time where letters
     * become longer, as "ß" does.
     */
    private static String upper(String text) {
        if (text.length() <= PIECE) {
            return text.toUpperCase(Locale.ROOT);
        }
        StringBuilder upper = new StringBuilder(text.length());
        for (int start = 0; start < text.length(); ) {
            int end = Math.min(text.length(), start + PIECE);
            if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
                end++;
            }
            upper.append(text.substring(start, end).toUpperCase(Locale.ROOT));
            start = end;
        }
        return upper.toString();
    }

    /** Lower-cases; "İ", which alone becomes longer, is replaced first. */
    private static String lower(String text) {
        return text.replace("\u0130", "i\u0307").toLowerCase(Locale.ROOT);
    }

    /** A case conversion. */
    @FunctionalInterface
    interface Change {
        String apply(String text);
    }

    static Str upper(Budget budget, Str s) {
        return change(budget, s, Text::upper);
    }

    static Str lower(Budget budget, Str s) {
        return change(budget, s, Text::lower);
    }

    /** Converts case; if the length changes, the origin is kept for each character. */
    static Str change(Budget budget, Str s, Change change) {
        budget.object();
        budget.characters(s.text().length());
        String changed = change.apply(s.text());
        if (s.isUniform() || changed.length() == s.text().length()) {
            return Str.of(changed, s.edges());
        }
        StrBuilder out = new StrBuilder(budget);
        for (int i = 0; i < s.text().length(); ) {
            int size = Character.charCount(s.text().codePointAt(i));
            out.append(change.apply(s.text().substring(i, i + size)), s.isInput(i));
            i += size;
        }
        return out.toStr();
    }

    static Str capitalize(Budget budget, Str s) {
        if (s.isEmpty()) {
            return s;
        }
        int first = s.text().offsetByCodePoints(0, 1);
        Str head = change(budget, s.substring(budget, 0, first), Text::titleCase);
        return head.concat(budget, lower(budget, s.substring(budget, first)));
    }

    /** Returns a letter in title case, which differs from upper case in digraphs. */
    static String titleCase(String letter) {
        int c = letter.codePointAt(0);
        int title = Character.toTitleCase(c);
        if (title != Character.toUpperCase(c)) {
            return new String(Character.toChars(title));
        }
        String upper = letter.toUpperCase(Locale.ROOT);
        return upper.codePointCount(0, upper.length()) == 1
                ? upper
                : upper.substring(0, upper.offsetByCodePoints(0, 1))
                        + upper.substring(upper.offsetByCodePoints(0, 1)).toLowerCase(Locale.ROOT);
    }

    /** {@code str.title}: converts each letter that follows a non-letter to title case. */
    static Str title(Budget budget, Str s) {
        StrBuilder out = new StrBuilder(budget);
        boolean letterBefore = false;
        for (int i = 0; i < s.text().length(); ) {
            int c = s.text().codePointAt(i);
            int end = i + Character.charCount(c);
            Str letter = s.substring(budget, i, end);
            out.append(
                    letterBefore ? lower(budget, letter) : change(budget, letter, Text::titleCase));
            letterBefore = isCased(c);
            i = end;
        }
        return out.toStr();
    }

    static boolean isCased(int c) {
        return Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
    }

    /**
     * Replaces occurrences of a part.
     *
     * @param count how many at most; all if negative
     */
    static Str replace(Budget budget, Str s, Str old, Str by, int count) {
        String text = s.text();
        int left = count < 0 ? Integer.MAX_VALUE : count;
        StrBuilder out = new StrBuilder(budget);
        if (old.isEmpty()) {
            int at = 0;
            while (left-- > 0) {
                out.append(by);
                if (at == text.length()) {
                    return out.toStr();
                }
                int end = text.offsetByCodePoints(at, 1);
                out.append(s, at, end);
                at = end;
            }
            return out.append(s, at, text.length()).toStr();
        }
        int done = 0;
        while (left-- > 0) {
            int at = Find.in(budget, text, old.text(), done);
            if (at < 0) {
                break;
            }
            budget.step();
            out.append(s, done, at).append(by);
            done = at + old.text().length();
        }
        return done == 0 ? s : out.append(s, done, text.length()).toStr();
    }

    /** Splits at a separator, from the left, at most {@code max} times if that is not negative. */
    static List<Object> split(Budget budget, Str s, Str separator, int max) {
        if (separator.isEmpty()) {
            throw PyError.value("empty separator");
        }
        List<Object> parts = new ArrayList<>();
        budget.items(1);
        int done = 0;
        while (max < 0 || parts.size() < max) {
            int at = Find.in(budget, s.text(), separator.text(), done);
            if (at < 0) {
                break;
            }
            budget.items(1);
            parts.add(s.substring(budget, done, at));
            done = at + separator.text().length();
        }
        parts.add(s.substring(budget, done));
        return parts;
    }

    /** Splits at a separator from the right. */
    static List<Object> splitFromRight(Budget budget, Str s, Str separator, int max) {
        if (separator.isEmpty()) {
            throw PyError.value("empty separator");
        }
        List<Object> parts = new ArrayList<>();
        budget.items(1);
        int end = s.text().length();
        while (max < 0 || parts.size() < max) {
            int at = Find.last(budget, s.text(), separator.text(), end - separator.text().length());
            if (at < 0) {
                break;
            }
            budget.items(1);
            parts.add(s.substring(budget, at + separator.text().length(), end));
            end = at;
        }
        parts.add(s.substring(budget, 0, end));
        java.util.Collections.reverse(parts);
        return parts;
    }

    /** Splits at white space. */
    static List<Object> splitWords(Budget budget, Str s, int max) {
        String text = s.text();
        List<Object> words = new ArrayList<>();
        budget.items(0);
        budget.work(text.length());
        int at = 0;
        while (true) {
            while (at < text.length() && Chars.isSpace(text.charAt(at))) {
                at++;
            }
            if (at == text.length()) {
                return words;
            }
            budget.items(1);
            if (max >= 0 && words.size() >= max) {
                words.add(s.substring(budget, at));
                return words;
            }
            int start = at;
            while (at < text.length() && !Chars.isSpace(text.charAt(at))) {
                at++;
            }
            words.add(s.substring(budget, start, at));
        }
    }

    /** Splits at white space from the right. */
    static List<Object> splitWordsFromRight(Budget budget, Str s, int max) {
        String text = s.text();
        List<Object> words = new ArrayList<>();
        budget.items(0);
        budget.work(text.length());
        int end = text.length();
        while (true) {
            while (end > 0 && Chars.isSpace(text.charAt(end - 1))) {
                end--;
            }
            if (end == 0) {
                break;
            }
            budget.items(1);
            if (max >= 0 && words.size() >= max) {
                words.add(s.substring(budget, 0, end));
                break;
            }
            int wordEnd = end;
            while (end > 0 && !Chars.isSpace(text.charAt(end - 1))) {
                end--;
            }
            words.add(s.substring(budget, end, wordEnd));
        }
        java.util.Collections.reverse(words);
        return words;
    }

    static List<Object> splitLines(Budget budget, Str s, boolean keepEnds) {
        String text = s.text();
        List<Object> lines = new ArrayList<>();
        budget.items(0);
        int start = 0;
        while (start < text.length()) {
            int end = start;
            while (end < text.length() && !Chars.isLineBreak(text.charAt(end))) {
                end++;
            }
            int next = end;
            if (end < text.length()) {
                next += text.startsWith("\r\n", end) ? 2 : 1;
            }
            budget.items(1);
            lines.add(s.substring(budget, start, keepEnds ? next : end));
            start = next;
        }
        return lines;
    }

    static Str join(Render render, Str separator, List<Object> parts) {
        StrBuilder out = new StrBuilder(render.budget);
        for (int i = 0; i < parts.size(); i++) {
            render.budget.step();
            if (i > 0) {
                out.append(separator);
            }
            if (!(parts.get(i) instanceof Str part)) {
                throw PyError.type(
                        "sequence item "
                                + i
                                + ": expected str instance, "
                                + Types.name(parts.get(i))
                                + " found");
            }
            out.append(part);
        }
        return out.toStr();
    }

    /** Pads to a width: with {@code left} and the rest of what is missing on the two sides. */
    static Str pad(Budget budget, Str s, int width, Str fill, Alignment alignment) {
        if (fill.length() != 1) {
            throw PyError.type("The fill character must be exactly one character long");
        }
        long missing = (long) width - s.length();
        if (missing <= 0) {
            return s;
        }
        long left =
                switch (alignment) {
                    case LEFT -> 0;
                    case RIGHT -> missing;
                    // As in str.center: an odd padding character goes to the left if the width is
                    // also odd.
                    case CENTER -> missing / 2 + (missing & width & 1);
                    case MIDDLE -> missing / 2;
                };
        return new StrBuilder(budget)
                .repeat(fill, left)
                .append(s)
                .repeat(fill, missing - left)
                .toStr();
    }

    /** Where {@link #pad} aligns the text. */
    enum Alignment {
        LEFT,
        RIGHT,
        /** As {@code str.center}. */
        CENTER,
        /** As {@code ^} of a format: an odd padding character goes to the right. */
        MIDDLE
    }
}
