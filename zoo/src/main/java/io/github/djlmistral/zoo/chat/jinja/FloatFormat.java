/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Formats floats as C's {@code printf} does, rounding the exact value half to even. */
final class FloatFormat {

    private static final int MAX_PRECISION = 10_000;

    /** Charged for a conversion between a float and decimal digits. */
    static final long WORK = 4000;

    private FloatFormat() {}

    /**
     * Formats the magnitude of a float.
     *
     * @param type e, f or g, in either case, or % for a percentage
     * @param precision digits after the decimal point, or significant digits of g; negative for 6
     * @param alternate whether to keep the point, and the zeros of g
     */
    static String format(double value, char type, int precision, boolean alternate) {
        if (precision > MAX_PRECISION) {
            throw PyError.limit("a precision of " + precision + " is more than " + MAX_PRECISION);
        }
        double d = Math.abs(value);
        boolean upper = Character.isUpperCase(type);
        if (Double.isNaN(d) || Double.isInfinite(d)) {
            String text = Double.isNaN(d) ? "nan" : "inf";
            return (upper ? text.toUpperCase(Locale.ROOT) : text) + (type == '%' ? "%" : "");
        }
        int digits = precision < 0 ? 6 : precision;
        BigDecimal exact = new BigDecimal(d);
        String text =
                switch (Character.toLowerCase(type)) {
                    case 'e' -> scientific(exact, digits, alternate);
                    case 'g' -> general(exact, Math.max(1, digits), alternate);
                    case '%' -> fixed(exact.movePointRight(2), digits, alternate) + "%";
                    default -> fixed(exact, digits, alternate);
                };
        return upper ? text.toUpperCase(Locale.ROOT) : text;
    }

    /** Whether a minus sign is written, also for -0.0. */
    static boolean isNegative(double d) {
        return Math.copySign(1, d) < 0 && !Double.isNaN(d);
    }

    private static String fixed(BigDecimal d, int digits, boolean alternate) {
        String text = d.setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
        return alternate && digits == 0 ? text + "." : text;
    }

    private static String scientific(BigDecimal d, int digits, boolean alternate) {
        BigDecimal rounded = d.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
        String unscaled = rounded.unscaledValue().toString();
        int exponent = d.signum() == 0 ? 0 : unscaled.length() - 1 - rounded.scale();
        String mantissa = unscaled + "0".repeat(Math.max(0, digits + 1 - unscaled.length()));
        mantissa = mantissa.substring(0, digits + 1);
        String point = digits > 0 ? "." + mantissa.substring(1) : alternate ? "." : "";
        return mantissa.charAt(0) + point + exponent(exponent);
    }

    private static String exponent(int exponent) {
        int e = Math.abs(exponent);
        return (exponent < 0 ? "e-" : "e+") + (e < 10 ? "0" : "") + e;
    }

    private static String general(BigDecimal d, int digits, boolean alternate) {
        BigDecimal rounded = d.round(new MathContext(digits, RoundingMode.HALF_EVEN));
        int exponent = d.signum() == 0 ? 0 : rounded.precision() - 1 - rounded.scale();
        if (exponent < -4 || exponent >= digits) {
            String text = scientific(d, digits - 1, alternate);
            int e = text.indexOf('e');
            return alternate ? text : trimZeros(text.substring(0, e)) + text.substring(e);
        }
        String text = fixed(d, digits - 1 - exponent, alternate);
        return alternate ? text : trimZeros(text);
    }

    private static String trimZeros(String text) {
        if (text.indexOf('.') < 0) {
            return text;
        }
        int end = text.length();
        while (text.charAt(end - 1) == '0') {
            end--;
        }
        return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }
}
