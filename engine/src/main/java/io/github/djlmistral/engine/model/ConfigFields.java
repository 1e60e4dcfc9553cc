/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the keys of a JSON configuration. An absent key takes the caller's default; an
 * explicit null does not. Values of the wrong type are {@link IllegalArgumentException}s that name
 * the key.
 */
final class ConfigFields {

    private final JsonObject json;

    /** Prefix of the keys in messages, such as {@code rope_parameters.}. */
    private final String path;

    private ConfigFields(JsonObject json, String path) {
        this.json = json;
        this.path = path;
    }

    static ConfigFields parse(String text) {
        try {
            return new ConfigFields(StrictJson.parse(text), "");
        } catch (IllegalArgumentException e) {
            throw invalid("" + e.getMessage(), e);
        }
    }

    /** Returns the exception for a problem with the configuration. */
    static IllegalArgumentException invalid(String problem, @Nullable Exception cause) {
        return new IllegalArgumentException(
                "Mistral configuration: " + Quote.oneLine(problem, 800), cause);
    }

    boolean has(String key) {
        return json.has(key);
    }

    Set<String> keys() {
        return json.keySet();
    }

    /** Returns the value of a key; null if it is null, or absent and {@code absent} is null. */
    <T> @Nullable T get(String key, Function<JsonElement, T> as, @Nullable T absent) {
        JsonElement element = json.get(key);
        if (element == null) {
            return absent;
        }
        try {
            return element.isJsonNull() ? null : as.apply(element);
        } catch (ArithmeticException | IllegalStateException | NumberFormatException e) {
            throw invalid(path + key + " is " + StrictJson.describe(element), e);
        }
    }

    /** Returns the value of a key that must not be null; required if {@code absent} is null. */
    <T> T require(String key, Function<JsonElement, T> as, @Nullable T absent) {
        T value = get(key, as, absent);
        if (value == null) {
            throw invalid(path + key + (has(key) ? " is null" : " is missing"), null);
        }
        return value;
    }

    int integer(String key, @Nullable Integer absent) {
        return require(key, ConfigFields::exact, absent);
    }

    double number(String key, @Nullable Double absent) {
        return require(key, ConfigFields::real, absent);
    }

    /** Reads a number, a list of numbers, or null for an empty list. */
    List<Integer> integers(String key, List<Integer> absent) {
        List<Integer> list = get(key, ConfigFields::exacts, absent);
        return list == null ? List.of() : list;
    }

    /** Returns the fields of a nested object; null if it is absent or null. */
    @Nullable ConfigFields object(String key) {
        JsonElement element = json.get(key);
        if (element == null || element.isJsonNull()) {
            return null;
        }
        if (!element.isJsonObject()) {
            throw invalid(
                    path + key + " is " + StrictJson.describe(element) + ", not an object", null);
        }
        return new ConfigFields(element.getAsJsonObject(), path + key + ".");
    }

    /** Reads an exact integer: Gson alone would convert "1", [1], 1.9 and 4294967297 to 1. */
    static int exact(JsonElement element) {
        return primitive(element, JsonPrimitive::isNumber).getAsBigDecimal().intValueExact();
    }

    private static List<Integer> exacts(JsonElement element) {
        return element.isJsonArray()
                ? element.getAsJsonArray().asList().stream().map(ConfigFields::exact).toList()
                : List.of(exact(element));
    }

    static double real(JsonElement element) {
        return primitive(element, JsonPrimitive::isNumber).getAsDouble();
    }

    /** Reads a boolean: Gson alone would convert anything but "true" to false. */
    static boolean bool(JsonElement element) {
        return primitive(element, JsonPrimitive::isBoolean).getAsBoolean();
    }

    static String text(JsonElement element) {
        return primitive(element, JsonPrimitive::isString).getAsString();
    }

    static List<String> texts(JsonElement element) {
        return element.getAsJsonArray().asList().stream().map(ConfigFields::text).toList();
    }

    private static JsonPrimitive primitive(JsonElement element, Predicate<JsonPrimitive> kind) {
        if (element instanceof JsonPrimitive value && kind.test(value)) {
            return value;
        }
        throw new IllegalStateException("of another kind");
    }
}
