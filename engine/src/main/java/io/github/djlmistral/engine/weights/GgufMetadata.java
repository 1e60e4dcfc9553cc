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
 * The metadata of a GGUF file: values by key, such as {@code llama.block_count} or {@code
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
     * Reads the metadata of a file, without its tensors.
     *
     * @param file the file
     * @return the metadata
     * @throws CheckpointException if it is not a valid GGUF file of a supported version
     * @throws IOException if it is missing or cannot be read
     */
    public static GgufMetadata read(Path file) throws IOException {
        return GgufHeader.read(file).metadata();
    }

    /** Reads the given number of values. */
    static GgufMetadata read(Path file, GgufCursor cursor, int count) throws CheckpointException {
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String key = cursor.string("the key of metadata");
            if (values.put(key, cursor.value(key)) != null) {
                throw new CheckpointException(
                        file,
                        "the key " + Quote.of(key) + " occurs twice",
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
     * @return the values by key, in file order: Long (for all integer types), Float, Double,
     *     Boolean, String, or a List of these; unmodifiable
     */
    public Map<String, Object> values() {
        return values;
    }

    /**
     * Returns an integer.
     *
     * @param key the key
     * @return the value; empty if there is no such key
     * @throws CheckpointException if the value is of another type
     */
    public OptionalLong integer(String key) throws CheckpointException {
        Long value = get(key, Long.class, "an integer");
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * Returns a number, such as {@code llama.rope.freq_base}.
     *
     * @param key the key
     * @return the value; empty if there is no such key
     * @throws CheckpointException if the value is of another type
     */
    public OptionalDouble number(String key) throws CheckpointException {
        Number value = get(key, Number.class, "a number");
        // through its decimal form: the float 1e-5 becomes the double 1e-5, not 9.99999974738e-6
        return value == null
                ? OptionalDouble.empty()
                : OptionalDouble.of(Double.parseDouble(value.toString()));
    }

    /**
     * Returns a boolean.
     *
     * @param key the key
     * @return the value; empty if there is no such key
     * @throws CheckpointException if the value is of another type
     */
    public Optional<Boolean> flag(String key) throws CheckpointException {
        return Optional.ofNullable(get(key, Boolean.class, "true or false"));
    }

    /**
     * Returns a string.
     *
     * @param key the key
     * @return the value; empty if there is no such key
     * @throws CheckpointException if the value is of another type
     */
    public Optional<String> text(String key) throws CheckpointException {
        return Optional.ofNullable(get(key, String.class, "a string"));
    }

    /**
     * Returns an array.
     *
     * @param key the key
     * @param type the type of the elements: Long, Float, Double, Boolean or String
     * @param <T> this type
     * @return the elements; empty if there is no such key
     * @throws CheckpointException if the value is of another type
     */
    public <T> Optional<List<T>> array(String key, Class<T> type) throws CheckpointException {
        List<?> list = get(key, List.class, "an array");
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
                        "\"%s\" must be %s, is a %s",
                        key,
                        wanted,
                        value instanceof List ? "list" : value.getClass().getSimpleName()),
                CheckpointException.CONVERT_AGAIN);
    }
}
