/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's format specifications, as in {@code '{:>8.2f}'.format(x)}. */
final class FormatSpec {

    private static final Pattern SPEC =
            Pattern.compile(
                    "(?s)(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?([0-9]{1,9})?([,_])?(?:\\.([0-9]{1,9}))?(.)?");

    private static final Str SPACE = Str.of(" ");

    private final Render render;
    private final String fill;
    private final String align;
    private final String sign;
    private final boolean alternate;
    private final boolean zero;
    private final int width;
    private final String grouping;
    private final int precision;
    private final char type;

    private FormatSpec(Render render, Matcher spec) {
        this.render = render;
        fill = text(spec, 1);
        align = text(spec, 2);
        sign = text(spec, 3);
        alternate = !text(spec, 5).isEmpty();
        zero = !text(spec, 6).isEmpty();
        width = text(spec, 7).isEmpty() ? 0 : Integer.parseInt(text(spec, 7));
        grouping = text(spec, 8);
        precision = text(spec, 9).isEmpty() ? -1 : Integer.parseInt(text(spec, 9));
        type = text(spec, 10).isEmpty() ? ' ' : text(spec, 10).charAt(0);
    }

    private static String text(Matcher spec, int group) {
        String text = spec.group(group);
        return text == null ? "" : text;
    }

    /** Formats a value. */
    static Str format(Render render, Object value, String spec) {
        if (spec.isEmpty()) {
            return Repr.str(render, value);
        }
        boolean formattable = value instanceof Str || Types.isNumber(value);
        if (!formattable) {
            if (value instanceof Undefined undefined) {
                throw undefined.error();
            }
            throw PyError.type(
                    "unsupported format string passed to " + Types.name(value) + ".__format__");
        }
        Matcher matcher = SPEC.matcher(spec);
        if (!matcher.matches()) {
            throw PyError.value("Invalid format specifier '" + spec + "'");
        }
        return new FormatSpec(render, matcher).format(value);
    }

    private Str format(Object value) {
        if (value instanceof Str s) {
            return string(s);
        }
        if (value instanceof Double d) {
            if (" eEfFgGn%".indexOf(type) < 0) {
                throw unknown("float");
            }
            return real(d);
        }
        if (" dn".indexOf(type) >= 0) {
            return integer(Numbers.digits(Numbers.big(value).abs()), Numbers.big(value), "");
        }
        BigInteger n = Numbers.big(value);
        return switch (type) {
            case 'b' -> integer(n.abs().toString(2), n, "0b");
            case 'o' -> integer(n.abs().toString(8), n, "0o");
            case 'x' -> integer(n.abs().toString(16), n, "0x");
            case 'X' -> integer(n.abs().toString(16).toUpperCase(Locale.ROOT), n, "0X");
            case 'c' -> character(n);
            case 'e', 'E', 'f', 'F', 'g', 'G', '%' -> real(Numbers.real(value));
            default -> throw unknown("int");
        };
    }

    private PyError unknown(String object) {
        return PyError.value(
                "Unknown format code '" + type + "' for object of type '" + object + "'");
    }

    private Str string(Str s) {
        if (" s".indexOf(type) < 0) {
            throw unknown("str");
        }
        if (!sign.isEmpty() || alternate || !grouping.isEmpty() || align.equals("=")) {
            throw PyError.value("Invalid format specifier for a string");
        }
        Str text =
                precision >= 0 && precision < s.length()
                        ? s.substring(render.budget, 0, s.offset(render.budget, precision))
                        : s;
        String filler = !fill.isEmpty() ? fill : zero && align.isEmpty() ? "0" : " ";
        return Text.pad(render.budget, text, width, Str.of(filler), alignment(Text.Alignment.LEFT));
    }

    private Text.Alignment alignment(Text.Alignment fallback) {
        return switch (align) {
            case "<" -> Text.Alignment.LEFT;
            case ">", "=" -> Text.Alignment.RIGHT;
            case "^" -> Text.Alignment.MIDDLE;
            default -> fallback;
        };
    }

    private Str character(BigInteger n) {
        int c = Types.integer(Numbers.normalize(n));
        if (!Character.isValidCodePoint(c)) {
            throw new PyError(PyError.Kind.OVERFLOW, "not a character: " + n);
        }
        return pad("", new String(Character.toChars(c)), 0);
    }

    private Str integer(String digits, BigInteger n, String prefix) {
        if (precision >= 0) {
            throw PyError.value("Precision not allowed in integer format specifier");
        }
        int group = prefix.isEmpty() ? 3 : 4;
        return pad(
                signOf(n.signum() < 0) + (alternate ? prefix : ""),
                grouped(digits, "", group),
                grouping.isEmpty() ? 0 : group);
    }

    private Str real(double d) {
        render.budget.work(FloatFormat.WORK + 8L * Math.max(0, precision));
        boolean negative = FloatFormat.isNegative(d);
        String text;
        if (type == ' ' && precision < 0) {
            text = Numbers.repr(Math.abs(d));
        } else if (type == ' ') {
            text = general(d);
        } else {
            text = FloatFormat.format(d, type == 'n' ? 'g' : type, precision, alternate);
        }
        int end = 0;
        while (end < text.length() && Character.isDigit(text.charAt(end))) {
            end++;
        }
        return pad(
                signOf(negative),
                grouped(text.substring(0, end), text.substring(end), 3),
                grouping.isEmpty() ? 0 : 3);
    }

    /** Without a type: as g, but with at least one digit after the decimal point. */
    private String general(double d) {
        String text = FloatFormat.format(d, 'g', Math.max(1, precision), alternate);
        boolean whole = text.chars().allMatch(Character::isDigit);
        if (whole && text.length() >= Math.max(1, precision)) {
            return FloatFormat.format(d, 'e', Math.max(1, precision) - 1, alternate)
                    .replaceFirst("\\.?0*e", "e");
        }
        return whole ? text + ".0" : text;
    }

    private String signOf(boolean negative) {
        return negative ? "-" : sign.equals("-") ? "" : sign;
    }

    private String grouped(String digits, String rest, int group) {
        if (grouping.isEmpty()) {
            return digits + rest;
        }
        StringBuilder out = new StringBuilder(digits);
        for (int i = digits.length() - group; i > 0; i -= group) {
            out.insert(i, grouping);
        }
        return out + rest;
    }

    private Str pad(String prefix, String digits, int group) {
        Budget budget = render.budget;
        boolean zeros = (zero && align.isEmpty()) || align.equals("=");
        if (!zeros) {
            return Text.pad(
                    budget,
                    Str.of(prefix + digits),
                    width,
                    fill.isEmpty() ? zero ? Str.of("0") : SPACE : Str.of(fill),
                    alignment(Text.Alignment.RIGHT));
        }
        String filler = fill.isEmpty() ? zero ? "0" : " " : fill;
        StrBuilder out = new StrBuilder(budget).append(prefix);
        long missing = (long) width - prefix.length() - digits.length();
        if (group > 0 && filler.equals("0")) {
            int first = digits.indexOf(grouping);
            int lead = first < 0 ? leadingDigits(digits) : first;
            budget.characters(Math.max(0, missing));
            StringBuilder zerosBefore = new StringBuilder();
            for (int i = lead; missing > 0; i++, missing--) {
                if (i > 0 && i % group == 0) {
                    zerosBefore.append(grouping);
                    missing--;
                }
                zerosBefore.append('0');
            }
            return out.append(zerosBefore.reverse().toString()).append(digits).toStr();
        }
        return out.repeat(Str.of(filler), missing).append(digits).toStr();
    }

    private static int leadingDigits(String text) {
        int n = 0;
        while (n < text.length() && Character.isDigit(text.charAt(n))) {
            n++;
        }
        return n;
    }
}
