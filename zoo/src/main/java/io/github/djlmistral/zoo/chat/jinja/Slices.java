/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's indices and slices. */
final class Slices {

    private Slices() {}

    /** Returns {@code value[start:stop:step]}, each bound of which may be None. */
    static Object slice(Render render, Object value, Object start, Object stop, Object step) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        boolean sliceable =
                value instanceof Str
                        || value instanceof List
                        || value instanceof Tuple
                        || value instanceof Range;
        if (!sliceable) {
            throw PyError.type(
                    value instanceof Dict
                            ? "unhashable type: 'slice'"
                            : "'" + Types.name(value) + "' object is not subscriptable");
        }
        int length = Types.size(value);
        int by = step == None.NONE ? 1 : bound(step);
        if (by == 0) {
            throw PyError.value("slice step cannot be zero");
        }
        int from = position(start, length, by < 0, by < 0 ? length - 1 : 0);
        int to = position(stop, length, by < 0, by < 0 ? -1 : length);
        long count =
                by > 0
                        ? (to - (long) from + by - 1) / by
                        : ((long) from - to - by - 1) / -(long) by;
        int size = (int) Math.max(0, count);
        if (value instanceof Str s) {
            return string(render, s, from, by, size);
        }
        if (value instanceof Range range) {
            return new Range(range.at(from), range.start() + to * range.step(), range.step() * by);
        }
        render.budget.items(size);
        List<Object> all = value instanceof Tuple tuple ? tuple.items() : Types.items(value);
        List<Object> items = new ArrayList<>(size);
        for (int i = 0, at = from; i < size; i++, at += by) {
            items.add(all.get(at));
        }
        return value instanceof Tuple ? new Tuple(items) : items;
    }

    private static int bound(Object value) {
        if (value instanceof Long || value instanceof Boolean || value instanceof BigInteger) {
            return Math.max(-Integer.MAX_VALUE, Types.integer(value));
        }
        throw PyError.type("slice indices must be integers or None or have an __index__ method");
    }

    private static int position(Object bound, int length, boolean down, int fallback) {
        if (bound == None.NONE) {
            return fallback;
        }
        long at = bound(bound);
        if (at < 0) {
            at = Math.max(at + length, down ? -1 : 0);
        }
        return (int) Math.min(at, down ? length - 1 : length);
    }

    private static Str string(Render render, Str s, int from, int by, int size) {
        if (size == 0) {
            return Str.EMPTY;
        }
        if (by == 1) {
            return s.substring(
                    render.budget,
                    s.offset(render.budget, from),
                    s.offset(render.budget, from + size));
        }
        StrBuilder out = new StrBuilder(render.budget);
        int offset = s.offset(render.budget, from);
        String text = s.text();
        for (int i = 0; i < size; i++) {
            render.budget.step();
            out.append(s, offset, offset + Character.charCount(text.codePointAt(offset)));
            if (i + 1 < size) {
                offset = text.offsetByCodePoints(offset, by);
                render.budget.work(Math.abs(by));
            }
        }
        return out.toStr();
    }
}
