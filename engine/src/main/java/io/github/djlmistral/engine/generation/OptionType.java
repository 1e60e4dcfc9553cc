/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import java.util.function.Function;

/**
 * The type of a generation option. Values are Java objects, JSON values as Gson reads them, or
 * strings as in {@code serving.properties}.
 */
enum OptionType {
    INTEGER("a 32-bit integer", value -> Integer.parseInt(integer(value))),
    LONG("a 64-bit integer", value -> Long.parseLong(integer(value))),
    NUMBER("a number", value -> Double.parseDouble(scalar(value))),
    BOOLEAN("true or false", OptionType::bool),
    INTEGERS(
            "a 32-bit integer or a list of them",
            value -> list(value, element -> Integer.parseInt(integer(element)))),
    STRINGS("a string or a list of strings", value -> list(value, OptionType::string));

    private final String description;

    @SuppressWarnings("ImmutableEnumChecker") // the functions have no state
    private final Function<Object, Object> reader;

    OptionType(String description, Function<Object, Object> reader) {
        this.description = description;
        this.reader = reader;
    }

    /**
     * Reads a value.
     *
     * @param option its name, for the message
     * @throws IllegalArgumentException if it is of another type
     */
    Object parse(String option, Object value) {
        try {
            return reader.apply(value);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    option
                            + " is "
                            + (isScalar(value)
                                    ? '"' + GenerationConfig.shortened(value.toString()) + '"'
                                    : value instanceof List<?> list
                                            ? "a list of " + list.size()
                                            : "an object")
                            + ", must be "
                            + description,
                    e);
        }
    }

    private static boolean isScalar(Object value) {
        return value instanceof CharSequence || value instanceof Number || value instanceof Boolean;
    }

    private static String scalar(Object value) {
        if (isScalar(value)) {
            return value.toString().trim();
        }
        throw new IllegalArgumentException("not a scalar");
    }

    /** JSON readers give 5.0 for 5. */
    private static String integer(Object value) {
        String text = scalar(value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    private static Object bool(Object value) {
        return switch (scalar(value)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("neither true nor false");
        };
    }

    private static String string(Object value) {
        if (value instanceof CharSequence text) {
            return text.toString();
        }
        throw new IllegalArgumentException("not a string");
    }

    private static <T> List<T> list(Object value, Function<Object, T> element) {
        return value instanceof List<?> list
                ? list.stream().map(element).toList()
                : List.of(element.apply(value));
    }
}
