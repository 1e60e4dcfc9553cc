/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's arithmetic operators. */
final class Arithmetic {

    /** The operators. */
    enum Operator {
        ADD("+"),
        SUBTRACT("-"),
        MULTIPLY("*"),
        DIVIDE("/"),
        FLOOR_DIVIDE("//"),
        MODULO("%"),
        POWER("**");

        final String symbol;

        Operator(String symbol) {
            this.symbol = symbol;
        }
    }

    private Arithmetic() {}

    static Object apply(Render render, Operator operator, Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            Object result = small(operator, x, y);
            if (result != null) {
                return result;
            }
        }
        if (operator == Operator.MODULO && a instanceof Str format) {
            return PercentFormat.format(render, format, b);
        }
        if (Types.isNumber(a) && Types.isNumber(b)) {
            return a instanceof Double || b instanceof Double
                    ? (Object) real(operator, Numbers.real(a), Numbers.real(b))
                    : integer(render, operator, Numbers.big(a), Numbers.big(b));
        }
        if (a instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (operator == Operator.ADD) {
            return add(render, a, b);
        }
        if (operator == Operator.MULTIPLY) {
            if (b instanceof Long || b instanceof Boolean || b instanceof BigInteger) {
                return repeat(render, a, Types.integer(b), b);
            }
            if (a instanceof Long || a instanceof Boolean || a instanceof BigInteger) {
                return repeat(render, b, Types.integer(a), a);
            }
        }
        throw unsupported(operator, a, b);
    }

    private static PyError unsupported(Operator operator, Object a, Object b) {
        return PyError.type(
                "unsupported operand type(s) for "
                        + operator.symbol
                        + ": '"
                        + Types.name(a)
                        + "' and '"
                        + Types.name(b)
                        + "'");
    }

    private static @Nullable Object small(Operator operator, long x, long y) {
        return switch (operator) {
            case ADD -> {
                long sum = x + y;
                yield ((x ^ sum) & (y ^ sum)) < 0 ? null : (Object) sum;
            }
            case SUBTRACT -> {
                long difference = x - y;
                yield ((x ^ y) & (x ^ difference)) < 0 ? null : (Object) difference;
            }
            case MODULO -> y == 0 ? null : (Object) Math.floorMod(x, y);
            default -> null;
        };
    }

    private static Object add(Render render, Object a, Object b) {
        if (a instanceof Str x && b instanceof Str y) {
            if (x.isMarkup() || y.isMarkup()) {
                return Markup.escape(render, x)
                        .concat(render.budget, Markup.escape(render, y))
                        .asMarkup();
            }
            return x.concat(render.budget, y);
        }
        if (a instanceof List && b instanceof List) {
            return joined(render, Types.items(a), Types.items(b));
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return new Tuple(joined(render, x.items(), y.items()));
        }
        if (a instanceof Str) {
            throw PyError.type("can only concatenate str (not \"" + Types.name(b) + "\") to str");
        }
        throw unsupported(Operator.ADD, a, b);
    }

    private static List<Object> joined(Render render, List<Object> a, List<Object> b) {
        render.budget.items(a.size() + (long) b.size());
        List<Object> all = new ArrayList<>(a.size() + b.size());
        all.addAll(a);
        all.addAll(b);
        return all;
    }

    private static Object repeat(Render render, Object value, int times, Object count) {
        if (value instanceof Str s) {
            return new StrBuilder(render.budget).repeat(s, times).toStr();
        }
        if (value instanceof List) {
            return repeated(render, Types.items(value), times);
        }
        if (value instanceof Tuple tuple) {
            return new Tuple(repeated(render, tuple.items(), times));
        }
        throw unsupported(Operator.MULTIPLY, value, count);
    }

    private static List<Object> repeated(Render render, List<Object> items, int times) {
        long size = (long) items.size() * Math.max(0, times);
        render.budget.items(size);
        List<Object> all = new ArrayList<>((int) size);
        for (int i = 0; i < times && !items.isEmpty(); i++) {
            all.addAll(items);
        }
        return all;
    }

    private static Object integer(Render render, Operator operator, BigInteger x, BigInteger y) {
        render.budget.work(((long) (x.bitLength() >> 5) * (y.bitLength() >> 5)) >> 4);
        return switch (operator) {
            case ADD -> Numbers.normalize(x.add(y));
            case SUBTRACT -> Numbers.normalize(x.subtract(y));
            case MULTIPLY -> Numbers.normalize(x.multiply(y));
            case DIVIDE -> {
                render.budget.work(64L * (x.bitLength() + y.bitLength()));
                yield divide(x, y);
            }
            case FLOOR_DIVIDE -> Numbers.normalize(floorDivide(x, y));
            case MODULO -> Numbers.normalize(x.subtract(floorDivide(x, y).multiply(y)));
            case POWER -> power(render, x, y);
        };
    }

    private static BigInteger floorDivide(BigInteger x, BigInteger y) {
        if (y.signum() == 0) {
            throw PyError.other("integer division or modulo by zero");
        }
        BigInteger[] result = x.divideAndRemainder(y);
        return result[1].signum() != 0 && result[1].signum() != y.signum()
                ? result[0].subtract(BigInteger.ONE)
                : result[0];
    }

    private static double divide(BigInteger x, BigInteger y) {
        if (y.signum() == 0) {
            throw PyError.other("division by zero");
        }
        if (x.bitLength() <= 53 && y.bitLength() <= 53) {
            return x.doubleValue() / y.doubleValue();
        }
        double quotient =
                new java.math.BigDecimal(x)
                        .divide(
                                new java.math.BigDecimal(y),
                                new java.math.MathContext(800, java.math.RoundingMode.HALF_EVEN))
                        .doubleValue();
        if (Double.isInfinite(quotient)) {
            throw new PyError(
                    PyError.Kind.OVERFLOW, "integer division result too large for a float");
        }
        return quotient;
    }

    private static Object power(Render render, BigInteger x, BigInteger y) {
        if (y.signum() < 0) {
            return power(Numbers.real(x), Numbers.real(y));
        }
        if (x.bitLength() <= 1 && x.abs().bitLength() <= 1) {
            // 0, 1, -1
            boolean odd = y.testBit(0);
            return y.signum() == 0 ? 1L : x.signum() < 0 && !odd ? 1L : (long) x.signum();
        }
        if (y.bitLength() > 31 || (x.abs().bitLength() - 1) * y.longValue() > Budget.INTEGER_BITS) {
            throw PyError.limit("an integer has more than " + Budget.INTEGER_BITS + " bits");
        }
        render.budget.work(x.bitLength() * y.longValue());
        return Numbers.normalize(x.pow(y.intValue()));
    }

    private static double real(Operator operator, double x, double y) {
        return switch (operator) {
            case ADD -> x + y;
            case SUBTRACT -> x - y;
            case MULTIPLY -> x * y;
            case POWER -> power(x, y);
            case DIVIDE -> x / nonZero(y);
            case MODULO, FLOOR_DIVIDE -> floorDivision(operator, x, nonZero(y));
        };
    }

    private static double nonZero(double divisor) {
        if (divisor == 0) {
            throw PyError.other("float division by zero");
        }
        return divisor;
    }

    /** Returns the floor of the quotient, or the remainder, which has the sign of the divisor. */
    private static double floorDivision(Operator operator, double x, double y) {
        double remainder = x % y;
        double quotient = (x - remainder) / y;
        if (remainder != 0) {
            if (y < 0 != remainder < 0) {
                remainder += y;
                quotient -= 1;
            }
        } else {
            remainder = Math.copySign(0, y);
        }
        if (operator == Operator.MODULO) {
            return remainder;
        }
        if (quotient == 0) {
            return Math.copySign(0, x / y);
        }
        double floor = Math.floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static double power(double x, double y) {
        if (x == 1 || y == 0) {
            return 1;
        }
        if (x == 0 && y < 0) {
            throw PyError.other("0.0 cannot be raised to a negative power");
        }
        if (x < 0 && y != Math.rint(y) && !Double.isInfinite(x) && !Double.isNaN(y)) {
            throw PyError.value("complex numbers are not supported");
        }
        if (x == -1 && Double.isInfinite(y)) {
            return 1;
        }
        double result = Math.pow(x, y);
        if (Double.isInfinite(result) && !Double.isInfinite(x) && !Double.isInfinite(y)) {
            throw new PyError(PyError.Kind.OVERFLOW, "Numerical result out of range");
        }
        return result;
    }

    /** Applies unary minus or plus. */
    static Object sign(char operator, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (value instanceof Double d) {
            return operator == '-' ? -d : d;
        }
        if (!Types.isNumber(value)) {
            throw PyError.type(
                    "bad operand type for unary " + operator + ": '" + Types.name(value) + "'");
        }
        BigInteger n = Numbers.big(value);
        return Numbers.normalize(operator == '-' ? n.negate() : n);
    }
}
