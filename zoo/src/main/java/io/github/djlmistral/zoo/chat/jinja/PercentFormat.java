/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The operator {@code %} of Python's strings. */
final class PercentFormat {

    private final Render render;
    private final Str format;
    private final Object arguments;
    private final List<Object> positional;
    private final boolean mapping;
    private int used;
    private int at;

    private PercentFormat(Render render, Str format, Object arguments) {
        this.render = render;
        this.format = format;
        this.arguments = arguments;
        this.positional = arguments instanceof Tuple tuple ? tuple.items() : List.of(arguments);
        this.mapping = arguments instanceof Dict || arguments instanceof List;
    }

    static Str format(Render render, Str format, Object arguments) {
        return new PercentFormat(render, format, arguments).format();
    }

    private Str format() {
        StrBuilder out = new StrBuilder(render.budget);
        String text = format.text();
        int done = 0;
        for (at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at)) {
            render.budget.step();
            out.append(format, done, at);
            at++;
            conversion(out);
            done = at;
        }
        out.append(format, done, text.length());
        if (used < positional.size() && !mapping) {
            throw PyError.type("not all arguments converted during string formatting");
        }
        return out.toStr();
    }

    private char peek() {
        if (at >= format.text().length()) {
            throw PyError.value("incomplete format");
        }
        return format.text().charAt(at);
    }

    private Object next() {
        if (used >= positional.size()) {
            throw PyError.type("not enough arguments for format string");
        }
        return positional.get(used++);
    }

    private void conversion(StrBuilder out) {
        Object keyed = null;
        if (peek() == '(') {
            keyed = keyed();
        }
        String flags = "";
        while ("-+ #0".indexOf(peek()) >= 0) {
            flags += flags.indexOf(peek()) < 0 ? String.valueOf(peek()) : "";
            at++;
        }
        int width = number(0);
        if (width < 0) {
            flags += "-";
            width = -width;
        }
        int precision = -1;
        if (peek() == '.') {
            at++;
            precision = Math.max(0, number(0));
        }
        if ("hlL".indexOf(peek()) >= 0) {
            at++;
        }
        int where = at;
        char type = peek();
        at++;
        if (type == '%') {
            out.append("%", format.isInput(where));
            return;
        }
        if ("diouxXeEfFgGcrsa".indexOf(type) < 0) {
            throw PyError.value(
                    "unsupported format character '"
                            + type
                            + "' (0x"
                            + Integer.toHexString(type)
                            + ") at index "
                            + format.index(render.budget, where));
        }
        Object value = keyed == null ? next() : keyed;
        out.append(converted(value, type, flags, width, precision));
    }

    private @Nullable Object keyed() {
        int depth = 0;
        int start = at + 1;
        do {
            char c = peek();
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            at++;
        } while (depth > 0);
        if (!(arguments instanceof Dict dict)) {
            throw PyError.type("format requires a mapping");
        }
        Str key = format.substring(render.budget, start, at - 1);
        Object value = dict.get(render.budget, key);
        if (value == null) {
            throw PyError.lookup(Repr.quote(key.text()));
        }
        return value;
    }

    private int number(int fallback) {
        if (peek() == '*') {
            at++;
            return Math.max(-Integer.MAX_VALUE, Types.integer(next()));
        }
        long value = fallback;
        while (Character.digit(peek(), 10) >= 0 && peek() < 128) {
            value = value * 10 + Character.digit(peek(), 10);
            if (value > Integer.MAX_VALUE) {
                throw PyError.value("width too big");
            }
            at++;
        }
        return (int) value;
    }

    private Str converted(Object value, char type, String flags, int width, int precision) {
        Budget budget = render.budget;
        Text.Alignment side = flags.contains("-") ? Text.Alignment.LEFT : Text.Alignment.RIGHT;
        if ("rsac".indexOf(type) >= 0) {
            Str text =
                    switch (type) {
                        case 's' -> Repr.str(render, value);
                        case 'c' -> character(value);
                        case 'a' -> Json.ascii(budget, Repr.repr(render, value));
                        default -> Repr.repr(render, value);
                    };
            if (precision >= 0 && precision < text.length() && type != 'c') {
                text = text.substring(budget, 0, text.offset(budget, precision));
            }
            return Text.pad(budget, text, width, Str.of(" "), side);
        }
        String prefix = "";
        String digits;
        boolean negative;
        if ("diouxX".indexOf(type) >= 0) {
            BigInteger n = integer(value, type);
            negative = n.signum() < 0;
            digits = magnitude(n.abs(), type);
            if (precision > 10_000) {
                throw PyError.limit("a precision of " + precision + " is more than 10000");
            }
            digits = "0".repeat(Math.max(0, precision - digits.length())) + digits;
            if (flags.contains("#") && "oxX".indexOf(type) >= 0) {
                prefix = "0" + type;
            }
        } else {
            if (!Types.isNumber(value)) {
                throw value instanceof Undefined u
                        ? u.error()
                        : PyError.type("must be real number, not " + Types.name(value));
            }
            double d = Numbers.real(value);
            budget.work(FloatFormat.WORK + 8L * precision);
            negative = FloatFormat.isNegative(d);
            digits = FloatFormat.format(d, type, precision, flags.contains("#"));
        }
        String sign = negative ? "-" : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
        StrBuilder out = new StrBuilder(budget).append(sign + prefix);
        if (flags.contains("0") && !flags.contains("-")) {
            out.repeat(Str.of("0"), (long) width - out.length() - digits.length());
        }
        return Text.pad(budget, out.append(digits).toStr(), width, Str.of(" "), side);
    }

    private static Str character(Object value) {
        if (value instanceof Str s && s.length() == 1) {
            return s;
        }
        if (Types.isInteger(value) && Character.isValidCodePoint(Types.integer(value))) {
            return Str.of(new String(Character.toChars(Types.integer(value))));
        }
        throw PyError.type("%c requires int or char");
    }

    private static BigInteger integer(Object value, char type) {
        if (value instanceof Double d && "diu".indexOf(type) >= 0) {
            if (Double.isNaN(d) || Double.isInfinite(d)) {
                throw PyError.value("cannot convert float to integer");
            }
            return new java.math.BigDecimal(d).toBigInteger();
        }
        if (value instanceof Boolean || Types.isInteger(value)) {
            return Numbers.big(value);
        }
        throw value instanceof Undefined u
                ? u.error()
                : PyError.type(
                        "%"
                                + type
                                + " format: a real number is required, not "
                                + Types.name(value));
    }

    private static String magnitude(BigInteger n, char type) {
        return switch (type) {
            case 'o' -> n.toString(8);
            case 'x' -> n.toString(16);
            case 'X' -> n.toString(16).toUpperCase(Locale.ROOT);
            default -> Numbers.digits(n);
        };
    }
}
