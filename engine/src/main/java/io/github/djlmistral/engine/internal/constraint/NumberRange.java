/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The numbers between two bounds that are multiples of a number, and not of others.
 *
 * <p>Spelling: with a multiple of k decimal places (1 is the multiple of integers, k = 0), at most
 * k digits follow the point, and no point stands before none; an exponent is written only where
 * nothing at all is asked of the number. So an integer is {@code 5}, never {@code 5.0}.
 *
 * @param least the lower bound, or null
 * @param leastOpen whether the lower bound itself is outside
 * @param most the upper bound, or null
 * @param mostOpen whether the upper bound itself is outside
 * @param multiple a positive number, or null
 * @param notMultiples positive numbers of which none is a divisor
 */
record NumberRange(
        @Nullable BigDecimal least,
        boolean leastOpen,
        @Nullable BigDecimal most,
        boolean mostOpen,
        @Nullable BigDecimal multiple,
        Set<BigDecimal> notMultiples) {

    static final NumberRange ANY = new NumberRange(null, false, null, false, null);

    private NumberRange(
            @Nullable BigDecimal least,
            boolean leastOpen,
            @Nullable BigDecimal most,
            boolean mostOpen,
            @Nullable BigDecimal multiple) {
        this(least, leastOpen, most, mostOpen, multiple, Set.of());
    }

    static final String ANY_PATTERN = "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?";

    private static final String ALPHABET = "-.0123456789";

    static NumberRange multipleOf(BigDecimal multiple) {
        return new NumberRange(null, false, null, false, multiple.stripTrailingZeros());
    }

    static NumberRange notMultipleOf(BigDecimal divisor) {
        return new NumberRange(
                null, false, null, false, null, Set.of(divisor.stripTrailingZeros()));
    }

    static NumberRange least(BigDecimal bound, boolean open) {
        return new NumberRange(bound, open, null, false, null);
    }

    static NumberRange most(BigDecimal bound, boolean open) {
        return new NumberRange(null, false, bound, open, null);
    }

    /** One number; spelled with no more decimal places than it has. */
    static NumberRange literal(BigDecimal value) {
        int places = Math.max(0, value.stripTrailingZeros().scale());
        return new NumberRange(value, false, value, false, BigDecimal.ONE.movePointLeft(places));
    }

    /** Whether this is one number, whose bounds it is; the multiple is only how it is written. */
    boolean isSingle() {
        return least != null && most != null && least.compareTo(most) == 0;
    }

    /** Returns the one number. */
    BigDecimal single() {
        return Objects.requireNonNull(least);
    }

    boolean isAny() {
        return equals(ANY);
    }

    NumberRange and(NumberRange other) {
        BigDecimal low = least;
        boolean lowOpen = leastOpen;
        if (other.least != null) {
            int order = low == null ? -1 : low.compareTo(other.least);
            lowOpen =
                    order < 0 ? other.leastOpen : order > 0 ? lowOpen : lowOpen || other.leastOpen;
            low = order < 0 ? other.least : low;
        }
        BigDecimal high = most;
        boolean highOpen = mostOpen;
        if (other.most != null) {
            int order = high == null ? 1 : high.compareTo(other.most);
            highOpen =
                    order > 0 ? other.mostOpen : order < 0 ? highOpen : highOpen || other.mostOpen;
            high = order > 0 ? other.most : high;
        }
        BigDecimal both =
                multiple == null
                        ? other.multiple
                        : other.multiple == null ? multiple : common(multiple, other.multiple);
        Set<BigDecimal> none = new LinkedHashSet<>(notMultiples);
        none.addAll(other.notMultiples);
        return new NumberRange(low, lowOpen, high, highOpen, both, none);
    }

    /** The least common multiple of two decimal numbers. */
    private static BigDecimal common(BigDecimal a, BigDecimal b) {
        int scale = Math.max(0, Math.max(a.scale(), b.scale()));
        BigInteger x = a.setScale(scale).unscaledValue();
        BigInteger y = b.setScale(scale).unscaledValue();
        return new BigDecimal(x.multiply(y).divide(x.gcd(y)), scale).stripTrailingZeros();
    }

    /** Whether no number is in the range: exact. */
    boolean isEmpty() {
        if (multiple != null && isExcluded(multiple)) {
            return true;
        }
        BigDecimal low = least;
        BigDecimal high = most;
        if (low == null || high == null) {
            return false;
        }
        int order = low.compareTo(high);
        if (order >= 0 || multiple == null) {
            return order > 0 || (order == 0 && !contains(low));
        }
        BigDecimal next = multiple.multiply(new BigDecimal(ceiling(low, multiple)));
        // soon one is not excluded, since not all of them are
        while (next.compareTo(high) <= 0 && !contains(next)) {
            next = next.add(multiple);
        }
        return next.compareTo(high) > 0;
    }

    private boolean contains(BigDecimal number) {
        int toLeast = least == null ? 1 : number.compareTo(least);
        int toMost = most == null ? -1 : number.compareTo(most);
        return (leastOpen ? toLeast > 0 : toLeast >= 0)
                && (mostOpen ? toMost < 0 : toMost <= 0)
                && (multiple == null || number.remainder(multiple).signum() == 0)
                && !isExcluded(number);
    }

    private boolean isExcluded(BigDecimal number) {
        return notMultiples.stream().anyMatch(n -> number.remainder(n).signum() == 0);
    }

    private static BigInteger ceiling(BigDecimal value, BigDecimal unit) {
        int scale = Math.max(0, Math.max(value.scale(), unit.scale()));
        BigInteger[] parts =
                value.setScale(scale)
                        .unscaledValue()
                        .divideAndRemainder(unit.setScale(scale).unscaledValue());
        return parts[1].signum() > 0 ? parts[0].add(BigInteger.ONE) : parts[0];
    }

    /**
     * The texts of the numbers, without exponents.
     *
     * @throws IllegalArgumentException if the multiple takes too many states
     */
    Automaton automaton() {
        if (isEmpty()) {
            return Automaton.NONE;
        }
        Set<BigDecimal> divisors = new LinkedHashSet<>(notMultiples);
        if (multiple != null) {
            divisors.add(multiple);
        }
        int scale = divisors.stream().mapToInt(BigDecimal::scale).reduce(0, Math::max);
        BigInteger modulus =
                divisors.isEmpty()
                        ? BigInteger.ONE
                        : divisors.stream()
                                .reduce(NumberRange::common)
                                .orElseThrow()
                                .movePointRight(scale)
                                .toBigIntegerExact();
        if (modulus.compareTo(BigInteger.valueOf(Automaton.MOST_STATES)) > 0) {
            throw new IllegalArgumentException(
                    "multiples of "
                            + divisors
                            + " are not supported: their automaton has more than "
                            + Automaton.MOST_STATES
                            + " states");
        }
        return new Digits(this, scale, modulus.intValue()).automaton();
    }

    /** The automaton of a range: digits are compared with those of the bounds as they come. */
    private static final class Digits {

        private static final int BEGIN = 0;
        private static final int SIGN = 1;
        private static final int ZERO = 2;
        private static final int WHOLE = 3;
        private static final int POINT = 4;
        private static final int FRACTION = 5;

        /** The remainder of a number with a digit other than 0 behind {@link #scale}. */
        private static final int NO_MULTIPLE = -1;

        /** Absent bounds compare as: the number is above the lower and below the upper one. */
        private record State(
                int phase, boolean negative, int digits, int low, int high, int remainder) {}

        private final NumberRange range;

        /** The most decimal places, -1 for no limit. */
        private final int places;

        /** The decimal places of the multiples; the modulus is in units of the last. */
        private final int scale;

        private final int modulus;

        private final @Nullable String lowWhole;
        private final @Nullable String lowFraction;
        private final @Nullable String highWhole;
        private final @Nullable String highFraction;
        private final int longestWhole;
        private final int longestFraction;

        Digits(NumberRange range, int scale, int modulus) {
            this.range = range;
            places = range.multiple == null ? -1 : Math.max(0, range.multiple.scale());
            this.scale = scale;
            this.modulus = modulus;
            lowWhole = part(range.least, 0);
            lowFraction = part(range.least, 1);
            highWhole = part(range.most, 0);
            highFraction = part(range.most, 1);
            longestWhole = Math.max(length(lowWhole), length(highWhole));
            longestFraction = Math.max(scale, Math.max(length(lowFraction), length(highFraction)));
        }

        /** The digits before (0) or behind (1) the point. */
        private static @Nullable String part(@Nullable BigDecimal bound, int which) {
            if (bound == null) {
                return null;
            }
            String text = bound.abs().stripTrailingZeros().toPlainString();
            int point = text.indexOf('.');
            if (which == 0) {
                return point < 0 ? text : text.substring(0, point);
            }
            return point < 0 ? "" : text.substring(point + 1);
        }

        private static int length(@Nullable String digits) {
            return digits == null ? 1 : digits.length();
        }

        Automaton automaton() {
            return Automaton.explore(
                    ALPHABET, new State(BEGIN, false, 0, 0, 0, 0), this::step, this::accepts);
        }

        private @Nullable State step(State state, char c) {
            int phase = state.phase();
            if (c == '-') {
                return phase == BEGIN ? new State(SIGN, true, 0, 0, 0, 0) : null;
            }
            if (c == '.') {
                return (phase == ZERO || phase == WHOLE) && places != 0
                        ? new State(
                                POINT,
                                state.negative(),
                                0,
                                whole(state.low(), state.digits(), lowWhole),
                                whole(state.high(), state.digits(), highWhole),
                                state.remainder())
                        : null;
            }
            if (phase <= SIGN || phase == WHOLE) {
                return new State(
                        phase <= SIGN && c == '0' ? ZERO : WHOLE,
                        state.negative(),
                        Math.min(state.digits() + 1, longestWhole + 1),
                        prefix(state.low(), state.digits(), c, lowWhole),
                        prefix(state.high(), state.digits(), c, highWhole),
                        remainder(state, c));
            }
            if (phase == ZERO || (places >= 0 && state.digits() == places)) {
                return null;
            }
            return new State(
                    FRACTION,
                    state.negative(),
                    Math.min(state.digits() + 1, longestFraction),
                    fraction(state.low(), state.digits(), c, lowFraction),
                    fraction(state.high(), state.digits(), c, highFraction),
                    state.digits() < scale
                            ? remainder(state, c)
                            : c == '0' || range.notMultiples.isEmpty()
                                    ? state.remainder()
                                    : NO_MULTIPLE);
        }

        private int remainder(State state, char c) {
            return (int) ((state.remainder() * 10L + c - '0') % modulus);
        }

        /** Compares digit {@code at} of the whole part, if all before are equal. */
        private static int prefix(int order, int at, char c, @Nullable String bound) {
            return order != 0 || bound == null || at >= bound.length()
                    ? order
                    : Integer.signum(c - bound.charAt(at));
        }

        /** Compares whole parts: more digits are more, since none begins with 0 but 0. */
        private static int whole(int order, int digits, @Nullable String bound) {
            return bound == null || digits == bound.length()
                    ? order
                    : Integer.signum(digits - bound.length());
        }

        private static int fraction(int order, int at, char c, @Nullable String bound) {
            return order != 0 || bound == null
                    ? order
                    : Integer.signum(c - (at < bound.length() ? bound.charAt(at) : '0'));
        }

        private boolean accepts(State state) {
            int phase = state.phase();
            if (phase != ZERO && phase != WHOLE && phase != FRACTION) {
                return false;
            }
            if (range.multiple != null && !isMultiple(state, range.multiple)) {
                return false;
            }
            if (range.notMultiples.stream().anyMatch(n -> isMultiple(state, n))) {
                return false;
            }
            int low = order(state, state.low(), lowWhole, lowFraction, range.least);
            int high = order(state, state.high(), highWhole, highFraction, range.most);
            return (range.least == null || low > 0 || (low == 0 && !range.leastOpen))
                    && (range.most == null || high < 0 || (high == 0 && !range.mostOpen));
        }

        private boolean isMultiple(State state, BigDecimal of) {
            if (state.remainder() == NO_MULTIPLE) {
                return false;
            }
            long remainder = state.remainder();
            for (int i = state.phase() == FRACTION ? state.digits() : 0; i < scale; i++) {
                remainder = remainder * 10 % modulus;
            }
            return remainder % of.movePointRight(scale).longValueExact() == 0;
        }

        /** Compares the number with a bound. */
        private static int order(
                State state,
                int digits,
                @Nullable String whole,
                @Nullable String fraction,
                @Nullable BigDecimal bound) {
            if (bound == null || whole == null || fraction == null) {
                return 0;
            }
            int magnitude = digits;
            if (state.phase() != FRACTION) {
                magnitude = whole(digits, state.digits(), whole);
            }
            if (magnitude == 0 && restIsMore(state, fraction)) {
                magnitude = -1;
            }
            if (bound.signum() == 0) {
                // a magnitude above 0 is below 0 with a sign
                return state.negative() ? -magnitude : magnitude;
            }
            if (state.negative() != bound.signum() < 0) {
                return state.negative() ? -1 : 1;
            }
            return state.negative() ? -magnitude : magnitude;
        }

        /** Whether digits of the bound other than 0 follow those that were compared. */
        private static boolean restIsMore(State state, String fraction) {
            int compared = state.phase() == FRACTION ? state.digits() : 0;
            for (int i = compared; i < fraction.length(); i++) {
                if (fraction.charAt(i) != '0') {
                    return true;
                }
            }
            return false;
        }
    }
}
