/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads number and string literals. */
final class Literals {

    private static final String DIGITS = "\\d++(?:_\\d++)*+";

    private static final Pattern FLOAT =
            Pattern.compile(
                    DIGITS + "(?:(?:\\." + DIGITS + ")?[eE][+-]?" + DIGITS + "|\\." + DIGITS + ")");

    private static final Pattern INTEGER =
            Pattern.compile(
                    "0[bB](?:_?+[01])++|0[oO](?:_?+[0-7])++|0[xX](?:_?+[0-9a-fA-F])++|[1-9](?:_?+\\d)*+|0(?:_?+0)*+");

    private Literals() {}

    /** Adds the number at a position and returns where it ends. */
    static int number(String source, int at, int line, List<Token> tokens) {
        Matcher number = FLOAT.matcher(source).region(at, Math.min(source.length(), at + 5000));
        if ((at == 0 || source.charAt(at - 1) != '.') && number.lookingAt()) {
            double value = Double.parseDouble(number.group().replace("_", ""));
            tokens.add(new Token(Kind.FLOAT, number.group(), value, line));
            return number.end();
        }
        number = INTEGER.matcher(source).region(at, Math.min(source.length(), at + 5000));
        if (!number.lookingAt()) {
            throw TemplateException.syntax("invalid number", line);
        }
        String digits = number.group().replace("_", "").toLowerCase(Locale.ROOT);
        if (digits.length() > 4300) {
            throw TemplateException.syntax("a number of more than 4300 digits", line);
        }
        BigInteger value =
                switch (digits.length() > 1 ? digits.charAt(1) : ' ') {
                    case 'b' -> new BigInteger(digits.substring(2), 2);
                    case 'o' -> new BigInteger(digits.substring(2), 8);
                    case 'x' -> new BigInteger(digits.substring(2), 16);
                    default -> new BigInteger(digits);
                };
        tokens.add(new Token(Kind.INTEGER, number.group(), Numbers.normalize(value), line));
        return number.end();
    }

    /** Resolves the escapes of a string literal, as Python's codec {@code unicode-escape} does. */
    static String unescape(String text, int line) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            char e = text.charAt(i++);
            switch (e) {
                case '\n' -> {}
                case '\\', '\'', '"' -> out.append(e);
                case 'a' -> out.append('\u0007');
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 't' -> out.append('\t');
                case 'v' -> out.append('\u000b');
                case 'x' -> i = hex(text, i, 2, out, line);
                case 'u' -> i = hex(text, i, 4, out, line);
                case 'U' -> i = hex(text, i, 8, out, line);
                case 'N' -> i = named(text, i, out, line);
                default -> {
                    if (e >= '0' && e <= '7') {
                        int end = i;
                        while (end < text.length()
                                && end < i + 2
                                && text.charAt(end) >= '0'
                                && text.charAt(end) <= '7') {
                            end++;
                        }
                        out.append((char) Integer.parseInt(text.substring(i - 1, end), 8));
                        i = end;
                    } else {
                        out.append('\\').append(e);
                    }
                }
            }
        }
        return out.toString();
    }

    private static int hex(String text, int at, int digits, StringBuilder out, int line) {
        int value = 0;
        for (int i = at; i < at + digits; i++) {
            int digit =
                    i < text.length() && text.charAt(i) < 128
                            ? Character.digit(text.charAt(i), 16)
                            : -1;
            if (digit < 0) {
                throw TemplateException.syntax("truncated escape in a string", line);
            }
            value = value << 4 | digit;
        }
        if (!Character.isValidCodePoint(value)) {
            throw TemplateException.syntax("illegal Unicode character in a string", line);
        }
        out.appendCodePoint(value);
        return at + digits;
    }

    private static int named(String text, int at, StringBuilder out, int line) {
        int end = text.indexOf('}', at);
        if (end < 0 || text.charAt(at) != '{') {
            throw TemplateException.syntax("malformed \\N character escape", line);
        }
        try {
            out.appendCodePoint(Character.codePointOf(text.substring(at + 1, end)));
        } catch (IllegalArgumentException e) {
            throw TemplateException.syntax("unknown Unicode character name", line);
        }
        return end + 1;
    }
}
