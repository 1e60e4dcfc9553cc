/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;
import java.util.function.IntPredicate;

/** A set of Unicode scalar values (code points without surrogates), as sorted ranges. */
public final class CodePoints {

    /** Every scalar value. */
    public static final CodePoints ALL =
            new CodePoints(new int[] {0, 0xD7FF, 0xE000, Character.MAX_CODE_POINT});

    /** No character. */
    public static final CodePoints NONE = new CodePoints(new int[0]);

    /** First and last of each range, both included, ascending, never adjacent but at surrogates. */
    private final int[] ranges;

    private CodePoints(int[] ranges) {
        this.ranges = ranges;
    }

    /** Returns the characters from {@code first} to {@code last}, surrogates left out. */
    public static CodePoints range(int first, int last) {
        CodePoints range = new CodePoints(new int[] {first, last});
        return last < Character.MIN_SURROGATE || first > Character.MAX_SURROGATE
                ? range
                : range.intersect(ALL);
    }

    /** Returns the one character. */
    public static CodePoints of(int codePoint) {
        return range(codePoint, codePoint);
    }

    /** Returns the characters that a predicate holds for. */
    public static CodePoints matching(IntPredicate predicate) {
        int[] found = new int[64];
        int size = 0;
        boolean inside = false;
        for (int c = 0; c <= Character.MAX_CODE_POINT + 1; c++) {
            boolean holds =
                    c <= Character.MAX_CODE_POINT
                            && (c < 0xD800 || c > 0xDFFF)
                            && predicate.test(c);
            if (holds != inside) {
                found = size == found.length ? Arrays.copyOf(found, 2 * size) : found;
                found[size++] = holds ? c : c - 1;
                inside = holds;
            }
        }
        return new CodePoints(Arrays.copyOf(found, size));
    }

    /** Returns first and last of each range in turn. Not to be changed. */
    public int[] ranges() {
        return ranges;
    }

    public boolean isEmpty() {
        return ranges.length == 0;
    }

    /** Returns whether a character is in the set. */
    boolean contains(int codePoint) {
        for (int i = 0; i < ranges.length && ranges[i] <= codePoint; i += 2) {
            if (codePoint <= ranges[i + 1]) {
                return true;
            }
        }
        return false;
    }

    /** Returns the characters of either set. */
    public CodePoints union(CodePoints other) {
        return complement().intersect(other.complement()).complement();
    }

    /** Returns the characters of both sets. */
    public CodePoints intersect(CodePoints other) {
        int[] result = new int[ranges.length + other.ranges.length];
        int size = 0;
        for (int i = 0, j = 0; i < ranges.length && j < other.ranges.length; ) {
            int first = Math.max(ranges[i], other.ranges[j]);
            int last = Math.min(ranges[i + 1], other.ranges[j + 1]);
            if (first <= last) {
                result[size++] = first;
                result[size++] = last;
            }
            if (ranges[i + 1] < other.ranges[j + 1]) {
                i += 2;
            } else {
                j += 2;
            }
        }
        return new CodePoints(Arrays.copyOf(result, size));
    }

    /** Returns the other characters. */
    public CodePoints complement() {
        int[] gaps = new int[ranges.length + 2];
        int size = 0;
        int next = 0;
        for (int i = 0; i < ranges.length; i += 2) {
            if (next < ranges[i]) {
                gaps[size++] = next;
                gaps[size++] = ranges[i] - 1;
            }
            next = ranges[i + 1] + 1;
        }
        if (next <= Character.MAX_CODE_POINT) {
            gaps[size++] = next;
            gaps[size++] = Character.MAX_CODE_POINT;
        }
        return new CodePoints(Arrays.copyOf(gaps, size)).intersect(ALL);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CodePoints set && Arrays.equals(ranges, set.ranges);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ranges);
    }

    @Override
    public String toString() {
        return Arrays.toString(ranges);
    }
}
