/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters of numbers. */
final class NumberFilters {

    private NumberFilters() {}

    static void addTo(Map<String, Callable> filters) {
        filters.put("abs", NumberFilters::absolute);
        filters.put("int", NumberFilters::integer);
        filters.put("float", NumberFilters::real);
        filters.put("round", NumberFilters::round);
        filters.put("filesizeformat", NumberFilters::fileSize);
    }

    private static Object absolute(Render render, Args args) {
        Object value = Args.given(args.bind("abs", 1, "/x")[0]);
        if (value instanceof Double d) {
            return Math.abs(d);
        }
        if (!Types.isNumber(value)) {
            throw PyError.type("bad operand type for abs(): '" + Types.name(value) + "'");
        }
        return Numbers.normalize(Numbers.big(value).abs());
    }

    private static Object integer(Render render, Args args) {
        @Nullable Object[] a = args.bind("int", 1, "value", "default", "base");
        Object value = Args.given(a[0]);
        Object fallback = a[1] == null ? (Object) 0L : a[1];
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (value instanceof Str s) {
            int base = Types.integer(a[2], 10);
            render.budget.work(64L * s.text().length());
            Object parsed = base == 0 || (base >= 2 && base <= 36) ? parse(s, base) : null;
            if (parsed != null) {
                return parsed;
            }
            Double d = Numbers.parseReal(s.text());
            return d == null || d.isNaN() || d.isInfinite() ? fallback : truncated(d);
        }
        if (value instanceof Double d) {
            if (d.isInfinite()) {
                throw new PyError(
                        PyError.Kind.OVERFLOW, "cannot convert float infinity to integer");
            }
            return d.isNaN() ? fallback : truncated(d);
        }
        return Types.isNumber(value) ? Numbers.normalize(Numbers.big(value)) : fallback;
    }

    private static @Nullable Object parse(Str s, int base) {
        try {
            return Numbers.parseInteger(s.text(), base);
        } catch (PyError e) {
            if (e.is(PyError.Kind.VALUE)) {
                return null; // too many digits
            }
            throw e;
        }
    }

    private static Object truncated(double d) {
        return Numbers.normalize(new BigDecimal(d).toBigInteger());
    }

    private static Object real(Render render, Args args) {
        @Nullable Object[] a = args.bind("float", 1, "value", "default");
        Object value = Args.given(a[0]);
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object parsed = null;
        if (value instanceof Str s) {
            render.budget.work(8L * s.text().length());
            parsed = Numbers.parseReal(s.text());
        } else if (Types.isNumber(value)) {
            parsed = Numbers.real(value);
        }
        return parsed != null ? parsed : a[1] == null ? (Object) 0.0 : a[1];
    }

    private static Object round(Render render, Args args) {
        @Nullable Object[] a = args.bind("round", 1, "value", "precision", "method");
        String method = a[2] == null ? "common" : Types.string(a[2]).text();
        int precision = Types.integer(a[1], 0);
        Object value = Args.given(a[0]);
        if (!List.of("common", "ceil", "floor").contains(method)) {
            throw PyError.other("method must be common, ceil or floor");
        }
        if (!Types.isNumber(value)) {
            throw value instanceof Undefined u
                    ? u.error()
                    : PyError.type(
                            "type " + Types.name(value) + " doesn't define __round__ method");
        }
        render.budget.work(FloatFormat.WORK);
        if (method.equals("common")) {
            return value instanceof Double d
                    ? (Object) rounded(d, precision)
                    : rounded(Numbers.big(value), precision);
        }
        Object factor = Arithmetic.apply(render, Arithmetic.Operator.POWER, 10L, (long) precision);
        Object scaled = Arithmetic.apply(render, Arithmetic.Operator.MULTIPLY, value, factor);
        if (scaled instanceof Double d) {
            if (d.isNaN() || d.isInfinite()) {
                throw PyError.value("cannot convert float to integer");
            }
            scaled = truncated(method.equals("ceil") ? Math.ceil(d) : Math.floor(d));
        }
        return Arithmetic.apply(render, Arithmetic.Operator.DIVIDE, scaled, factor);
    }

    private static double rounded(double d, int precision) {
        if (Double.isNaN(d) || Double.isInfinite(d) || precision > 323) {
            return d;
        }
        if (precision < -308) {
            return Math.copySign(0, d);
        }
        double rounded =
                new BigDecimal(d).setScale(precision, RoundingMode.HALF_EVEN).doubleValue();
        return Math.copySign(rounded, d);
    }

    private static Object rounded(BigInteger n, int precision) {
        if (precision >= 0) {
            return Numbers.normalize(n);
        }
        if (precision < -5000) {
            return 0L;
        }
        return Numbers.normalize(
                new BigDecimal(n).setScale(precision, RoundingMode.HALF_EVEN).toBigInteger());
    }

    private static Object fileSize(Render render, Args args) {
        @Nullable Object[] a = args.bind("filesizeformat", 1, "value", "binary");
        Object value = real(render, Args.of(Args.given(a[0]), None.NONE));
        if (!(value instanceof Double bytes)) {
            throw PyError.value("could not convert to float");
        }
        boolean binary = a[1] != null && Types.truth(a[1]);
        int base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return Str.of("1 Byte");
        }
        if (bytes < base) {
            return Str.of(new BigDecimal(bytes).toBigInteger() + " Bytes");
        }
        String prefixes = binary ? "KMGTPEZY" : "kMGTPEZY";
        double unit = base;
        int i = 0;
        while (i < prefixes.length() - 1 && bytes >= unit * base) {
            unit *= base;
            i++;
        }
        String number = FloatFormat.format(base * bytes / (unit * base), 'f', 1, false);
        return Str.of(number + " " + prefixes.charAt(i) + (binary ? "iB" : "B"));
    }
}
