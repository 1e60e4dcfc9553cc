/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/** The automaton of a range: digits are compared with those of the bounds as they come. */
final class NumberDigits {

    private static final String ALPHABET = "-.0123456789";

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

    NumberDigits(NumberRange range, int scale, int modulus) {
        this.range = range;
        places = range.multiple() == null ? -1 : Math.max(0, range.multiple().scale());
        this.scale = scale;
        this.modulus = modulus;
        lowWhole = part(range.least(), 0);
        lowFraction = part(range.least(), 1);
        highWhole = part(range.most(), 0);
        highFraction = part(range.most(), 1);
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
                        : c == '0' || range.notMultiples().isEmpty()
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
        if (range.multiple() != null && !isMultiple(state, range.multiple())) {
            return false;
        }
        if (range.notMultiples().stream().anyMatch(n -> isMultiple(state, n))) {
            return false;
        }
        int low = order(state, state.low(), lowWhole, lowFraction, range.least());
        int high = order(state, state.high(), highWhole, highFraction, range.most());
        return (range.least() == null || low > 0 || (low == 0 && !range.leastOpen()))
                && (range.most() == null || high < 0 || (high == 0 && !range.mostOpen()));
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
