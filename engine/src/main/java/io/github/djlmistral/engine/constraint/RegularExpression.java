/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.JsonStrings;
import io.github.djlmistral.engine.internal.constraint.Regex;
import io.github.djlmistral.engine.internal.constraint.RegexParser;
import java.util.ArrayList;
import java.util.List;

/**
 * A regular expression over Unicode characters, closed under intersection and difference.
 * Immutable. It always matches whole texts; texts are valid Unicode (no lone surrogates).
 *
 * <p>Syntax: the part that java.util.regex and ECMAScript share. Characters, {@code .} (any but
 * ECMAScript's line terminators), {@code [a-z]}, {@code [^a-z]}, {@code \d \w \s \D \W \S} (ASCII,
 * but {@code \s} as in ECMAScript), {@code \p{L}} (general categories; scripts as {@code
 * \p{IsGreek}} or {@code \p{Script=Greek}}), {@code \n \r \t \f \v \0}, {@code \x41}, <code>
 * &#92;u0041</code>, <code>&#92;u{1F600}</code>, groups, {@code |}, and the quantifiers {@code *},
 * {@code +}, {@code ?}, {@code {2}}, {@code {2,}}, {@code {2,5}}, also lazy, and the flags i (any
 * case) and s of groups, {@code (?i:...)}. Look-around, back-references, {@code \b} and other flags
 * are refused, and anchors that are not at the ends of an alternative of the whole pattern.
 */
public final class RegularExpression {

    private final Regex regex;

    RegularExpression(Regex regex) {
        this.regex = regex;
    }

    /**
     * Parses a pattern that must match the whole text. {@code ^} at a start and {@code $} at an end
     * are allowed and change nothing.
     *
     * @param pattern the pattern
     * @return the regular expression
     * @throws IllegalArgumentException if the syntax is wrong or not supported
     */
    public static RegularExpression of(String pattern) {
        return new RegularExpression(RegexParser.whole(pattern));
    }

    /**
     * Parses a pattern that must match somewhere in the text, as JSON Schema's {@code pattern}:
     * where no {@code ^} or {@code $} stands, anything may precede or follow.
     *
     * @param pattern the pattern
     * @return the regular expression of the whole text
     * @throws IllegalArgumentException if the syntax is wrong or not supported
     */
    public static RegularExpression containing(String pattern) {
        return new RegularExpression(RegexParser.anywhere(pattern));
    }

    /**
     * Returns a regular expression of exactly one text.
     *
     * @param text the text
     * @return the regular expression
     */
    public static RegularExpression literal(String text) {
        return new RegularExpression(RegexParser.literal(text));
    }

    /**
     * Returns what one of several regular expressions matches.
     *
     * @param options the expressions; none of them matches nothing at all
     * @return the union
     */
    public static RegularExpression anyOf(List<RegularExpression> options) {
        return new RegularExpression(new Regex.Union(unwrap(options)));
    }

    /**
     * Returns regular expressions one after another.
     *
     * @param parts the expressions; none of them is the empty text
     * @return the concatenation
     */
    public static RegularExpression sequence(List<RegularExpression> parts) {
        return new RegularExpression(new Regex.Concat(unwrap(parts)));
    }

    /**
     * Returns this expression repeated.
     *
     * @param min the least count
     * @param max the greatest count, or {@link Expression#UNBOUNDED}
     * @return the repetition
     */
    public RegularExpression repeat(int min, int max) {
        if (min < 0 || max < min) {
            throw new IllegalArgumentException(
                    "a repetition needs 0 <= min <= max: min " + min + ", max " + max);
        }
        return new RegularExpression(new Regex.Repeat(regex, min, max));
    }

    /**
     * Returns the texts that both match.
     *
     * @param other the other expression
     * @return the intersection
     */
    public RegularExpression and(RegularExpression other) {
        return new RegularExpression(new Regex.Intersection(regex, other.regex));
    }

    /**
     * Returns the texts that this matches and the other does not.
     *
     * @param other the other expression
     * @return the difference
     */
    public RegularExpression except(RegularExpression other) {
        return new RegularExpression(new Regex.Difference(regex, other.regex));
    }

    /**
     * Returns the JSON strings whose value this matches: between quotation marks, every character
     * in any of the ways that JSON writes it, so a line feed as {@code \n} and as <code>&#92;u000a
     * </code>.
     *
     * @return the expression of the strings as they are written
     */
    public RegularExpression jsonString() {
        return new RegularExpression(JsonStrings.quoted(regex));
    }

    Regex regex() {
        return regex;
    }

    private static List<Regex> unwrap(List<RegularExpression> expressions) {
        List<Regex> result = new ArrayList<>(expressions.size());
        expressions.forEach(expression -> result.add(expression.regex));
        return List.copyOf(result);
    }
}
