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
        return new NumberDigits(this, scale, modulus.intValue()).automaton();
    }
}
