/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Parses untrusted JSON into a tree: strictly RFC 8259, without duplicate keys and lone surrogates,
 * with limits on nesting depth, the length of numbers, and the memory of the tree.
 *
 * <p>The typed accessors check the type of a value; Gson's own convert {@code "1"}, {@code [1]} and
 * {@code 1.9} to 1, or throw {@link ClassCastException}. All of them throw {@link
 * IllegalArgumentException} with a message that names the key.
 */
public final class StrictJson {

    /** Limit for files other than {@code tokenizer.json}; published ones are below 1 MB. */
    public static final int LONGEST = 16 << 20;

    private static final int DEEPEST = 64;

    /** {@code model_max_length} of many tokenizers is an integer of 31 digits. */
    private static final int LONGEST_NUMBER = 64;

    /**
     * The 131,072 tokens and 269,443 merges of Mistral Nemo's tokenizer.json are 109 MB of this.
     */
    private static final int MOST_MEMORY = 128 << 20;

    // estimated heap size of Gson's tree
    private static final int VALUE = 64;
    private static final int CONTAINER = 144;
    private static final int MEMBER = 96;

    private final JsonReader reader;
    private long memory;

    private StrictJson(String text) {
        reader = new JsonReader(new StringReader(text));
        reader.setStrictness(Strictness.STRICT);
    }

    /**
     * Parses a JSON object.
     *
     * @param text the whole document
     * @return its root
     * @throws IllegalArgumentException if the text is anything else or exceeds a limit
     */
    public static JsonObject parse(String text) {
        StrictJson json = new StrictJson(text);
        return (JsonObject) json.root(JsonToken.BEGIN_OBJECT, "it is not a JSON object", "}");
    }

    /**
     * Parses any JSON value.
     *
     * @param text the whole document
     * @return the value
     * @throws IllegalArgumentException if the text is not JSON or exceeds a limit
     */
    public static JsonElement parseValue(String text) {
        StrictJson json = new StrictJson(text);
        try {
            return json.root(json.reader.peek(), "", "value");
        } catch (IOException e) {
            throw new IllegalArgumentException("it is not valid JSON" + json.place(), e);
        }
    }

    private static List<JsonElement> parseArray(String text) {
        StrictJson json = new StrictJson(text);
        return ((JsonArray) json.root(JsonToken.BEGIN_ARRAY, "it is not a JSON array", "]"))
                .asList();
    }

    private JsonElement root(JsonToken begin, String otherwise, String end) {
        try {
            if (reader.peek() != begin) {
                throw new IllegalArgumentException(otherwise);
            }
            JsonElement root = value(0);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new IllegalArgumentException("it goes on behind the closing \"" + end + "\"");
            }
            return root;
        } catch (IOException | IllegalStateException e) {
            throw new IllegalArgumentException("it is not valid JSON" + place(), e);
        }
    }

    /**
     * Reads a file that contains a JSON object.
     *
     * @param file the file
     * @param longest the maximum size in bytes
     * @return the root object
     * @throws IOException if the file cannot be read, is too large, or contains anything else; the
     *     message names the file, the problem and a remedy
     */
    public static JsonObject read(Path file, int longest) throws IOException {
        return read(file, longest, StrictJson::parse);
    }

    /**
     * Reads a file that contains a JSON array.
     *
     * @param file as above
     * @param longest as above
     * @return the elements of the array
     * @throws IOException as above
     */
    public static List<JsonElement> readArray(Path file, int longest) throws IOException {
        return read(file, longest, StrictJson::parseArray);
    }

    private static <T> T read(Path file, int longest, Function<String, T> parse)
            throws IOException {
        String text = SmallFile.text(file, longest);
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    text.startsWith("version https://git-lfs")
                            ? file + ": this is a Git LFS pointer. Run \"git lfs pull\"."
                            : file + ": " + e.getMessage() + ". Download the file again.",
                    e);
        }
    }

    /** Returns the JSON path: Gson's messages contain it only after a class name or a link. */
    private String place() {
        return " (at " + Quote.of(reader.getPath()) + ")";
    }

    private JsonElement value(int depth) throws IOException {
        JsonToken token = reader.peek();
        return switch (token) {
            case BEGIN_OBJECT -> object(depth + 1);
            case BEGIN_ARRAY -> array(depth + 1);
            case STRING -> {
                String text = unicode(reader.nextString());
                take(VALUE + (long) text.length());
                yield new JsonPrimitive(text);
            }
            case NUMBER -> number(ToNumberPolicy.LAZILY_PARSED_NUMBER.readNumber(reader));
            case BOOLEAN -> new JsonPrimitive(reader.nextBoolean());
            case NULL -> {
                reader.nextNull();
                yield JsonNull.INSTANCE;
            }
            default -> throw new IllegalArgumentException("it is not valid JSON" + place());
        };
    }

    private JsonObject object(int depth) throws IOException {
        enter(depth);
        JsonObject object = new JsonObject();
        reader.beginObject();
        while (reader.hasNext()) {
            String name = unicode(reader.nextName());
            take(MEMBER + (long) name.length());
            if (object.has(name)) {
                throw new IllegalArgumentException("the key " + Quote.of(name) + " comes twice");
            }
            object.add(name, value(depth));
        }
        reader.endObject();
        return object;
    }

    private JsonArray array(int depth) throws IOException {
        enter(depth);
        JsonArray array = new JsonArray();
        reader.beginArray();
        while (reader.hasNext()) {
            take(Long.BYTES);
            array.add(value(depth));
        }
        reader.endArray();
        return array;
    }

    private JsonPrimitive number(Number number) {
        int length = number.toString().length();
        if (length > LONGEST_NUMBER) {
            throw new IllegalArgumentException(
                    "it has a number of " + length + " characters" + place());
        }
        take(VALUE);
        return new JsonPrimitive(number);
    }

    private void enter(int depth) {
        if (depth > DEEPEST) {
            throw new IllegalArgumentException("it is nested more than " + DEEPEST + " deep");
        }
        take(CONTAINER);
    }

    private void take(long bytes) {
        memory += bytes;
        if (memory > MOST_MEMORY) {
            throw new IllegalArgumentException(
                    "it holds too many values: they take more than " + MOST_MEMORY + " bytes");
        }
    }

    private static String unicode(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isHighSurrogate(text.charAt(i))
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(text.charAt(i))) {
                throw new IllegalArgumentException(
                        "it has a string with half a surrogate pair, which is not Unicode");
            }
        }
        return text;
    }

    /**
     * Converts a tree to Java's own types.
     *
     * @param value the tree
     * @return maps in order, lists, strings, booleans, null, and numbers as {@link #number} has
     *     them
     */
    public static @Nullable Object plain(JsonElement value) {
        if (value instanceof JsonObject object) {
            return plain(object);
        }
        if (value.isJsonArray()) {
            List<@Nullable Object> list = new ArrayList<>();
            value.getAsJsonArray().forEach(item -> list.add(plain(item)));
            return list;
        }
        if (!(value instanceof JsonPrimitive primitive)) {
            return null;
        }
        if (primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        return primitive.isString() ? primitive.getAsString() : number(primitive.getAsString());
    }

    /** Converts an object, as {@link #plain(JsonElement)} does. */
    public static Map<String, @Nullable Object> plain(JsonObject object) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        object.asMap().forEach((name, item) -> map.put(name, plain(item)));
        return map;
    }

    /**
     * Reads a number as Python does.
     *
     * @param text a JSON number
     * @return a {@link Long}, a {@link BigInteger} of more than 64 bits, or a {@link Double}
     */
    public static Number number(String text) {
        if (!text.matches("-?\\d+")) {
            return Double.valueOf(text);
        }
        BigInteger integer = new BigInteger(text);
        return integer.bitLength() < Long.SIZE ? (Number) integer.longValue() : integer;
    }

    /** Returns the value of a key, null if it is absent or null. */
    public static @Nullable JsonElement get(JsonObject object, String key) {
        JsonElement value = object.get(key);
        return value == null || value.isJsonNull() ? null : value;
    }

    /** Returns an object. */
    public static JsonObject object(@Nullable JsonElement value, String key) {
        if (value instanceof JsonObject object) {
            return object;
        }
        throw unexpected(value, key, "an object");
    }

    /** Returns the elements of an array. */
    public static List<JsonElement> array(@Nullable JsonElement value, String key) {
        if (value instanceof JsonArray array) {
            return array.asList();
        }
        throw unexpected(value, key, "an array");
    }

    /** Returns a string. */
    public static String string(@Nullable JsonElement value, String key) {
        if (value instanceof JsonPrimitive primitive && primitive.isString()) {
            return primitive.getAsString();
        }
        throw unexpected(value, key, "a string");
    }

    /** Returns a boolean. */
    public static boolean bool(@Nullable JsonElement value, String key) {
        if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        throw unexpected(value, key, "true or false");
    }

    /** Returns an integer from 0 to {@code most}, written without fraction and exponent. */
    public static long integer(@Nullable JsonElement value, String key, long most) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            String digits = primitive.getAsString();
            if (digits.matches("\\d{1,18}") && Long.parseLong(digits) <= most) {
                return Long.parseLong(digits);
            }
        }
        throw unexpected(value, key, "an integer from 0 to " + most);
    }

    private static IllegalArgumentException unexpected(
            @Nullable JsonElement value, String key, String wanted) {
        return new IllegalArgumentException(
                Quote.of(key)
                        + (value == null
                                ? " is missing"
                                : " is " + describe(value) + ", but must be " + wanted));
    }

    /** Describes a value for a message; objects and long arrays only by their type. */
    public static String describe(JsonElement value) {
        if (value instanceof JsonObject) {
            return "an object";
        }
        if (value instanceof JsonArray array) {
            return array.size() > 8 ? "an array of " + array.size() : Quote.shorten("" + array);
        }
        return Quote.shorten(value.toString());
    }
}
