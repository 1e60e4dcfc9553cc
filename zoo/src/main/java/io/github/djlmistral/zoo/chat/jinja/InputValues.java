/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Converts Java values to those of the language, and counts their size. */
final class InputValues {

    private static final int MAX_DEPTH = 200;

    /** Input is not charged: the caller has allocated it. */
    private final Budget unlimited = new Budget(1L << 50);

    private long size;
    private int depth;

    /** Number of characters and items converted so far. */
    long size() {
        return size;
    }

    Object convert(@Nullable Object value) {
        size++;
        if (value == null) {
            return None.NONE;
        }
        if (value instanceof CharSequence text) {
            size += text.length();
            return Str.input(text.toString());
        }
        if (value instanceof Boolean) {
            return value;
        }
        if (value instanceof Number number) {
            return number(number);
        }
        if (++depth > MAX_DEPTH) {
            throw new IllegalArgumentException(
                    "a variable of the template is nested more than " + MAX_DEPTH + " deep");
        }
        Object converted;
        if (value instanceof Map<?, ?> map) {
            Dict dict = new Dict();
            map.forEach((k, v) -> dict.put(unlimited, convert(k), convert(v)));
            converted = dict;
        } else if (value instanceof Iterable<?> items) {
            List<Object> list = new ArrayList<>();
            items.forEach(item -> list.add(convert(item)));
            converted = list;
        } else {
            throw new IllegalArgumentException(
                    "a variable of the template is of "
                            + value.getClass()
                            + ": it takes null, strings, numbers, booleans, maps and lists");
        }
        depth--;
        return converted;
    }

    private static Object number(Number number) {
        if (number instanceof Double || number instanceof Float) {
            return number.doubleValue();
        }
        if (number instanceof BigInteger big) {
            return Numbers.normalize(big);
        }
        if (number instanceof BigDecimal decimal) {
            return decimal.doubleValue();
        }
        return number.longValue();
    }
}
