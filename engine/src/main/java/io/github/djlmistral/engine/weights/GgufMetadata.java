/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Metadata of a GGUF file: values by keys, such as {@code llama.block_count} or {@code
 * tokenizer.ggml.tokens}. Keys and their meaning are those of <a
 * href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>.
 */
public final class GgufMetadata {

    private final Path file;
    private final Map<String, Object> values;

    private GgufMetadata(Path file, Map<String, Object> values) {
        this.file = file;
        this.values = values;
    }

    /**
     * Reads what a file says, without its tensors.
     *
     * @param file the file
     * @return its metadata
     * @throws CheckpointException if it is no GGUF file of a supported version, or damaged
     * @throws IOException if it is missing or cannot be read
     */
    public static GgufMetadata read(Path file) throws IOException {
        return GgufHeader.read(file).metadata();
    }

    /** Reads the values behind a file's first bytes. */
    static GgufMetadata read(Path file, GgufCursor cursor, int count) throws CheckpointException {
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String key = cursor.string("the key of metadata");
            if (values.put(key, cursor.value(key)) != null) {
                throw new CheckpointException(
                        file,
                        "the key " + Quote.of(key) + " comes twice",
                        CheckpointException.CONVERT_AGAIN);
            }
        }
        return new GgufMetadata(file, Collections.unmodifiableMap(values));
    }

    /** Returns the file. */
    public Path file() {
        return file;
    }

    /**
     * Returns all values.
     *
     * @return in the order of the file: each a Long (whatever kind of integer the file has), Float,
     *     Double, Boolean, String, or a List of these; unmodifiable
     */
    public Map<String, Object> values() {
        return values;
    }

    /**
     * Finds an integer.
     *
     * @param key the key
     * @return its value; empty if the file has none
     * @throws CheckpointException if it is something else
     */
    public OptionalLong integer(String key) throws CheckpointException {
        Long value = get(key, Long.class, "integer");
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * Finds a number, such as {@code llama.rope.freq_base}.
     *
     * @param key the key
     * @return its value; empty if the file has none
     * @throws CheckpointException if it is something else
     */
    public OptionalDouble number(String key) throws CheckpointException {
        Number value = get(key, Number.class, "number");
        // by way of its digits: the float 1e-5 means 1e-5, not 9.99999974738e-6
        return value == null
                ? OptionalDouble.empty()
                : OptionalDouble.of(Double.parseDouble(value.toString()));
    }

    /**
     * Finds a flag.
     *
     * @param key the key
     * @return its value; empty if the file has none
     * @throws CheckpointException if it is something else
     */
    public Optional<Boolean> flag(String key) throws CheckpointException {
        return Optional.ofNullable(get(key, Boolean.class, "true or false"));
    }

    /**
     * Finds a text.
     *
     * @param key the key
     * @return its value; empty if the file has none
     * @throws CheckpointException if it is something else
     */
    public Optional<String> text(String key) throws CheckpointException {
        return Optional.ofNullable(get(key, String.class, "text"));
    }

    /**
     * Finds an array.
     *
     * @param key the key
     * @param type what its elements are: Long, Float, Double, Boolean or String
     * @param <T> this type
     * @return its elements; empty if the file has no such key
     * @throws CheckpointException if it is something else
     */
    public <T> Optional<List<T>> array(String key, Class<T> type) throws CheckpointException {
        List<?> list = get(key, List.class, "array");
        if (list == null) {
            return Optional.empty();
        }
        // all elements are of one type
        if (!list.isEmpty() && !type.isInstance(list.get(0))) {
            throw unexpected(key, list.get(0), "an array of " + type.getSimpleName());
        }
        return Optional.of(list.stream().map(type::cast).toList());
    }

    private <T> @Nullable T get(String key, Class<T> type, String kind) throws CheckpointException {
        Object value = values.get(key);
        if (value != null && !type.isInstance(value)) {
            throw unexpected(key, value, kind);
        }
        return type.cast(value);
    }

    private CheckpointException unexpected(String key, Object value, String wanted) {
        return new CheckpointException(
                file,
                String.format(
                        "\"%s\" should be %s, but there is a %s",
                        key,
                        wanted,
                        value instanceof List ? "list" : value.getClass().getSimpleName()),
                CheckpointException.CONVERT_AGAIN);
    }
}
