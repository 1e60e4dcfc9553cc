/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/** Python's ints, which have any size, and how numbers are read and printed. */
final class Numbers {

    private static final BigInteger MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger MAX = BigInteger.valueOf(Long.MAX_VALUE);

    /** As in Python, larger ints are not converted to or from text. */
    private static final int MAX_DIGITS = 4300;

    private Numbers() {}

    /** Returns an int as {@code Long} if it fits. */
    static Object normalize(BigInteger n) {
        if (n.bitLength() > Budget.INTEGER_BITS) {
            throw PyError.limit("an integer has more than " + Budget.INTEGER_BITS + " bits");
        }
        return n.compareTo(MIN) >= 0 && n.compareTo(MAX) <= 0 ? (Object) n.longValue() : n;
    }

    /** Returns an int or bool as {@code BigInteger}. */
    static BigInteger big(Object value) {
        return value instanceof BigInteger n
                ? n
                : BigInteger.valueOf(
                        value instanceof Boolean b ? b ? 1 : 0 : ((Long) value).longValue());
    }

    /** Returns a number as float. */
    static double real(Object value) {
        if (value instanceof Double d) {
            return d;
        }
        if (value instanceof Long n) {
            return n;
        }
        double d = big(value).doubleValue();
        if (Double.isInfinite(d)) {
            throw new PyError(PyError.Kind.OVERFLOW, "int too large to convert to float");
        }
        return d;
    }

    static String digits(BigInteger n) {
        if (n.bitLength() > 14_300) {
            throw PyError.value(
                    "Exceeds the limit (" + MAX_DIGITS + " digits) for integer string conversion");
        }
        String digits = n.toString();
        if (digits.length() - (n.signum() < 0 ? 1 : 0) > MAX_DIGITS) {
            throw PyError.value(
                    "Exceeds the limit (" + MAX_DIGITS + " digits) for integer string conversion");
        }
        return digits;
    }

    /** Returns the shortest decimal that reads as the same float, as Python writes it. */
    static String repr(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        if (d == Math.rint(d) && Math.abs(d) < 1e15) {
            return (d == 0 && 1 / d < 0 ? "-0" : String.valueOf((long) d)) + ".0";
        }
        // More digits than any float needs; rounding all of its up to 767 again would be slow.
        BigDecimal exact =
                new BigDecimal(Math.abs(d)).round(new MathContext(30, RoundingMode.HALF_EVEN));
        // Java's text always reads as the same float, but before JDK 19 it may be too long.
        String text = Double.toString(Math.abs(d));
        int precision = new BigDecimal(text).precision();
        BigDecimal shortest = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
        while (precision > 1) {
            precision--;
            BigDecimal shorter = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
            if (shorter.doubleValue() != Math.abs(d)) {
                break;
            }
            shortest = shorter;
        }
        shortest = shortest.stripTrailingZeros();
        String digits = shortest.unscaledValue().toString();
        int exponent = digits.length() - shortest.scale() - 1;
        String sign = d < 0 ? "-" : "";
        if (exponent < -4 || exponent >= 16) {
            String mantissa =
                    digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
            int e = Math.abs(exponent);
            return sign + mantissa + (exponent < 0 ? "e-" : "e+") + (e < 10 ? "0" : "") + e;
        }
        String plain = shortest.toPlainString();
        return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
    }

    /** Parses text as Python's {@code int(text, base)}; returns null if it is invalid. */
    static @Nullable Object parseInteger(String text, int base) {
        String s = strip(text);
        int at = 0;
        boolean negative = false;
        if (s.startsWith("-") || s.startsWith("+")) {
            negative = s.startsWith("-");
            at = 1;
        }
        int radix = base;
        if (s.length() > at + 1 && s.charAt(at) == '0') {
            int prefix = "bBoOxX".indexOf(s.charAt(at + 1));
            int named = prefix < 0 ? 0 : prefix < 2 ? 2 : prefix < 4 ? 8 : 16;
            if (named != 0 && (base == 0 || base == named)) {
                radix = named;
                at += 2;
                if (at < s.length() && s.charAt(at) == '_') {
                    at++;
                }
            }
        }
        if (radix == 0) {
            radix = 10;
            if (s.length() > at + 1 && s.charAt(at) == '0' && !s.substring(at).matches("[0_]+")) {
                return null;
            }
        }
        StringBuilder digits = new StringBuilder();
        boolean separated = true; // an underscore must have a digit on both sides
        for (int i = at; i < s.length(); ) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            if (c == '_') {
                if (separated) {
                    return null;
                }
                separated = true;
                continue;
            }
            int digit = Character.digit(c, radix);
            if (digit < 0) {
                return null;
            }
            digits.append(Character.forDigit(digit, radix));
            separated = false;
        }
        if (separated) {
            return null;
        }
        if (digits.length() > MAX_DIGITS) {
            throw PyError.value(
                    "Exceeds the limit (" + MAX_DIGITS + " digits) for integer string conversion");
        }
        BigInteger value = new BigInteger(digits.toString(), radix);
        return normalize(negative ? value.negate() : value);
    }

    /** Parses text as Python's {@code float(text)}; returns null if it is invalid. */
    static @Nullable Double parseReal(String text) {
        String s = strip(text).toLowerCase(java.util.Locale.ROOT);
        String unsigned = s.startsWith("-") || s.startsWith("+") ? s.substring(1) : s;
        double sign = s.startsWith("-") ? -1 : 1;
        switch (unsigned) {
            case "inf", "infinity" -> {
                return sign * Double.POSITIVE_INFINITY;
            }
            case "nan" -> {
                return Double.NaN;
            }
            default -> {}
        }
        StringBuilder ascii = new StringBuilder();
        for (int i = 0; i < unsigned.length(); ) {
            int c = unsigned.codePointAt(i);
            i += Character.charCount(c);
            if (Character.isDigit(c)) {
                ascii.append((char) ('0' + Character.digit(c, 10)));
            } else if (c == '_') {
                boolean between =
                        ascii.length() > 0
                                && Character.isDigit(ascii.charAt(ascii.length() - 1))
                                && i < unsigned.length()
                                && Character.isDigit(unsigned.codePointAt(i));
                if (!between) {
                    return null;
                }
            } else if (".e+-".indexOf(c) >= 0) {
                ascii.append((char) c);
            } else {
                return null;
            }
        }
        try {
            return ascii.length() == 0 ? null : sign * Double.parseDouble(ascii.toString());
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String strip(String text) {
        int start = 0;
        while (start < text.length() && Chars.isSpace(text.charAt(start))) {
            start++;
        }
        return Chars.stripEnd(text.substring(start));
    }
}
