/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the JSON in the files of a checkpoint: the header of a safetensors file, and the index of
 * one in shards. By itself gson forgives much, but these files come from the internet, so what is
 * not exactly as it should be is refused.
 */
final class StrictJson {

    private StrictJson() {}

    /** A reader that insists on UTF-8 and on JSON as RFC 8259 has it. */
    static JsonReader reader(byte[] json) throws CharacterCodingException {
        // Unlike new String(..), a decoder complains of what is not UTF-8.
        String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        JsonReader reader = new JsonReader(new StringReader(text));
        reader.setStrictness(Strictness.STRICT);
        return reader;
    }

    /** A string; JsonReader itself would take a number for a string. */
    static String string(JsonReader reader) throws IOException {
        if (reader.peek() != JsonToken.STRING) {
            throw new IllegalStateException(
                    "Expected STRING but was " + reader.peek() + " at path " + reader.getPath());
        }
        return reader.nextString();
    }

    /** An array of integers; JsonReader itself would take "1", 1.0 and 1e0 for a 1. */
    static List<Long> longs(JsonReader reader) throws IOException {
        List<Long> longs = new ArrayList<>();
        reader.beginArray();
        while (reader.hasNext()) {
            String path = reader.getPath();
            String number = reader.peek() == JsonToken.NUMBER ? reader.nextString() : null;
            if (number == null || !number.matches("-?\\d{1,18}")) {
                throw new NumberFormatException(
                        "Expected an integer of at most 18 digits at path " + path);
            }
            longs.add(Long.parseLong(number));
        }
        reader.endArray();
        return longs;
    }

    /** An object whose values are strings; the file is for the message if a name comes twice. */
    static Map<String, String> strings(Path file, JsonReader reader) throws IOException {
        Map<String, String> strings = new LinkedHashMap<>();
        reader.beginObject();
        while (reader.hasNext()) {
            String name = reader.nextName();
            if (strings.put(name, string(reader)) != null) {
                throw duplicate(file, name);
            }
        }
        reader.endObject();
        return strings;
    }

    /** What to throw if an object has {@code name} a second time. */
    static CheckpointException duplicate(Path file, String name) {
        return new CheckpointException(
                file,
                "the name \"" + name + "\" comes twice, so what it means is open",
                CheckpointException.WRITE_AGAIN);
    }

    /** What to throw if {@link #reader}, or the reader that it gave, threw {@code cause}. */
    static CheckpointException unreadable(Path file, String what, Exception cause) {
        String reason =
                cause instanceof CharacterCodingException
                        ? "it is not UTF-8"
                        // The first line: the second is a link to gson's own help.
                        : String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
        CheckpointException exception =
                new CheckpointException(
                        file, what + " cannot be read: " + reason, CheckpointException.WRITE_AGAIN);
        exception.initCause(cause);
        return exception;
    }
}
