/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/**
 * A Python range.
 *
 * @param start the first number
 * @param stop the bound, not contained
 * @param step the distance, not 0
 */
record Range(long start, long stop, long step) {

    private static final long MAX_LENGTH = 100_000;

    static Range of(long start, long stop, long step) {
        if (step == 0) {
            throw PyError.value("range() arg 3 must not be zero");
        }
        Range range = new Range(start, stop, step);
        double length = ((double) stop - start) / step;
        if (length > MAX_LENGTH) {
            throw new PyError(
                    PyError.Kind.OVERFLOW,
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE ("
                            + MAX_LENGTH
                            + ").");
        }
        return range;
    }

    int length() {
        if (step > 0 ? start >= stop : start <= stop) {
            return 0;
        }
        return Math.toIntExact(
                step > 0 ? (stop - start - 1) / step + 1 : (start - stop - 1) / -step + 1);
    }

    long at(int index) {
        return start + index * step;
    }

    boolean contains(long value) {
        return length() > 0
                && (step > 0 ? value >= start && value < stop : value <= start && value > stop)
                && (value - start) % step == 0;
    }
}
