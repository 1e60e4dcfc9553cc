/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Copies JSON-like values: null, strings, numbers, booleans, maps and lists of these. */
final class Values {

    private static final int MAX_DEPTH = 100;

    private Values() {}

    /**
     * Returns an unmodifiable deep copy.
     *
     * @param what the object, for error messages
     * @throws IllegalArgumentException if it holds a value of another type, or is nested too deeply
     */
    static Map<String, @Nullable Object> copy(String what, Map<String, ?> map) {
        return copyMap(what, map, 0);
    }

    /** Returns an unmodifiable deep copy of a list of objects. */
    static List<Map<String, @Nullable Object>> copy(
            String what, List<? extends Map<String, ?>> list) {
        List<Map<String, @Nullable Object>> copy = new ArrayList<>(list.size());
        for (Map<String, ?> map : list) {
            copy.add(copyMap(what, map, 0));
        }
        return Collections.unmodifiableList(copy);
    }

    private static Map<String, @Nullable Object> copyMap(String what, Map<?, ?> map, int depth) {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach(
                (key, value) -> {
                    if (!(key instanceof String name)) {
                        throw new IllegalArgumentException(
                                "a key of the " + what + " is not a string: " + key);
                    }
                    copy.put(name, copyValue(what, value, depth + 1));
                });
        return Collections.unmodifiableMap(copy);
    }

    private static @Nullable Object copyValue(String what, @Nullable Object value, int depth) {
        if (value == null
                || value instanceof String
                || value instanceof Number
                || value instanceof Boolean) {
            return value;
        }
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException(
                    "the " + what + " is nested more than " + MAX_DEPTH + " deep");
        }
        if (value instanceof Map<?, ?> map) {
            return copyMap(what, map, depth);
        }
        if (value instanceof List<?> list) {
            List<@Nullable Object> copy = new ArrayList<>(list.size());
            list.forEach(item -> copy.add(copyValue(what, item, depth + 1)));
            return Collections.unmodifiableList(copy);
        }
        throw new IllegalArgumentException(
                "the "
                        + what
                        + " holds a "
                        + value.getClass().getName()
                        + ": use null, strings, numbers, booleans, maps and lists");
    }
}
