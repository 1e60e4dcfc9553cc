/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object, each taken once; what is left in the end is unknown. Null is as good
 * as absent. Errors name the field.
 */
final class Fields {

    private final Map<String, @Nullable Object> values;
    private final String path;

    private Fields(String path, Map<?, ?> values) {
        this.path = path;
        this.values = new LinkedHashMap<>();
        values.forEach((name, value) -> this.values.put(String.valueOf(name), value));
        this.values.values().removeIf(Objects::isNull);
    }

    /** Parses a request. */
    static Fields parse(String body) {
        try {
            return new Fields("", StrictJson.plain(StrictJson.parse(body)));
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid(
                    null, "invalid_json", "the body of the request: " + e.getMessage(), e);
        }
    }

    /** Returns the fields of an object within a request. */
    static Fields of(String path, @Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return new Fields(path, map);
        }
        throw wrongType(path, "an object");
    }

    /** Returns the path of a field, such as {@code messages[0].content}. */
    String path(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    /** Returns the names of the fields that were not taken. */
    List<String> names() {
        return List.copyOf(values.keySet());
    }

    /** Returns the fields that were not taken, and takes them. */
    Map<String, @Nullable Object> takeAll() {
        Map<String, @Nullable Object> all = new LinkedHashMap<>(values);
        values.clear();
        return all;
    }

    /** Returns a field that is still to be taken. */
    @Nullable Object peek(String name) {
        return values.get(name);
    }

    @Nullable Object take(String name) {
        return values.remove(name);
    }

    Object require(String name) {
        Object value = take(name);
        if (value == null) {
            throw ApiException.invalid(
                    path(name), "missing_required_parameter", path(name) + " is missing", null);
        }
        return value;
    }

    @Nullable String string(String name) {
        Object value = take(name);
        if (value == null || value instanceof String) {
            return (String) value;
        }
        throw wrongType(path(name), "a string");
    }

    String requireString(String name) {
        return string(path(name), require(name));
    }

    static String string(String path, @Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw wrongType(path, "a string");
    }

    boolean flag(String name) {
        return flag(name, false);
    }

    boolean flag(String name, boolean absent) {
        Object value = take(name);
        if (value == null || value instanceof Boolean) {
            return value == null ? absent : (Boolean) value;
        }
        throw wrongType(path(name), "true or false");
    }

    @Nullable Long integer(String name, long least, long most) {
        Object value = take(name);
        if (value == null) {
            return null;
        }
        // numbers of JSON: 5.0 is an integer
        if (value instanceof Long
                || (value instanceof Double number && number == (double) number.longValue())) {
            long integer = ((Number) value).longValue();
            if (integer >= least && integer <= most) {
                return integer;
            }
        }
        throw ApiException.invalid(
                path(name),
                path(name)
                        + " is "
                        + shown(value)
                        + ", must be an integer "
                        + (most == Long.MAX_VALUE
                                ? (least == Long.MIN_VALUE ? "of 64 bits" : "of at least " + least)
                                : "from " + least + " to " + most));
    }

    @Nullable Double number(String name, double least, double most) {
        Object value = take(name);
        if (value == null) {
            return null;
        }
        if (value instanceof Number number
                && number.doubleValue() >= least
                && number.doubleValue() <= most) {
            return number.doubleValue();
        }
        throw ApiException.invalid(
                path(name),
                path(name)
                        + " is "
                        + shown(value)
                        + ", must be a number from "
                        + (long) least
                        + " to "
                        + (long) most);
    }

    @Nullable List<?> list(String name) {
        Object value = take(name);
        if (value == null || value instanceof List<?>) {
            return (List<?>) value;
        }
        throw wrongType(path(name), "an array");
    }

    @Nullable Fields object(String name) {
        Object value = take(name);
        return value == null ? null : of(path(name), value);
    }

    /** Takes a field that has no effect on the answer. */
    void ignoreStrings(String... names) {
        for (String name : names) {
            string(name);
        }
    }

    /** Takes {@code metadata}: at most 16 strings, which are not kept anywhere. */
    Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        Fields given = object("metadata");
        if (given != null) {
            given.names().forEach(name -> metadata.put(name, given.requireString(name)));
        }
        if (metadata.size() > 16) {
            throw ApiException.invalid("metadata", "metadata has more than 16 pairs");
        }
        return metadata;
    }

    /** Takes a field of which only some values have an effect here, namely none. */
    void only(String name, Object... accepted) {
        Object value = take(name);
        if (value != null && !List.of(accepted).contains(value)) {
            throw unsupported(
                    path(name),
                    accepted.length == 0
                            ? path(name) + " is not supported: leave it out"
                            : path(name)
                                    + " is "
                                    + shown(value)
                                    + ", supported is only "
                                    + List.of(accepted).stream()
                                            .map(Fields::shown)
                                            .collect(Collectors.joining(" or ")));
        }
    }

    /** Refuses fields whatever their value. */
    void refuse(String... names) {
        for (String name : names) {
            only(name);
        }
    }

    /** Refuses what is left. */
    void end() {
        for (String name : values.keySet()) {
            throw ApiException.invalid(
                    path(name), "unknown_parameter", "unknown field " + Quote.of(path(name)), null);
        }
    }

    static ApiException unsupported(String path, String message) {
        return ApiException.invalid(path, "unsupported_parameter", message, null);
    }

    static ApiException wrongType(String path, String wanted) {
        return ApiException.invalid(path, "invalid_type", path + " must be " + wanted, null);
    }

    static String shown(Object value) {
        if (value instanceof Collection<?> list && list.isEmpty()) {
            return "[]";
        }
        return value instanceof String text
                ? Quote.of(text)
                : value instanceof Map
                        ? "an object"
                        : value instanceof Collection<?> list && list.size() > 8
                                ? "an array of " + list.size()
                                : Quote.shorten(value.toString());
    }
}
