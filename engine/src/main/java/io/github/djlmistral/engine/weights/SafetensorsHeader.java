/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.stream.JsonWriter;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The JSON header of a {@link Safetensors} file. Parsing validates it: the tensors fill the file
 * without gaps or overlaps.
 *
 * @param entries the tensors, in the order of their bytes
 * @param metadata the metadata, may be empty
 * @param dataBegin the position in the file where the header ends and the data begins
 */
record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata, long dataBegin) {

    /** Data that we write is aligned to cache lines, which are as wide as the widest vectors. */
    private static final int ALIGNMENT = 64;

    private static final String METADATA = "__metadata__";
    private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");

    /** Each tensor is a mapping; the largest 4-bit model has 8,000 in all of its files. */
    private static final int MOST_TENSORS = 1 << 15;

    private static final int MOST_DIMENSIONS = 8;

    /** Maximum of offsets and dimensions: 18 digits. */
    private static final long LARGEST = 999_999_999_999_999_999L;

    /** A tensor; begin and end are relative to the end of the header. */
    record Entry(String name, Dtype dtype, List<Long> shape, long begin, long end) {

        long size() {
            return end - begin;
        }

        long[] dimensions() {
            return shape.stream().mapToLong(Long::longValue).toArray();
        }
    }

    /**
     * Parses and validates a header.
     *
     * @param file the file, for messages
     * @param json the bytes of the header, at least one
     * @param fileSize the size of the file in bytes
     */
    static SafetensorsHeader parse(Path file, byte[] json, long fileSize)
            throws CheckpointException {
        if (json[0] != '{') {
            throw new CheckpointException(
                    file, "its header does not begin with \"{\"", CheckpointException.WRITE_AGAIN);
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Entry> ordered = new ArrayList<>();
        try {
            JsonObject header = StrictJson.parse(utf8(json));
            if (header.size() > MOST_TENSORS) {
                throw new IllegalArgumentException(
                        "it has " + header.size() + " tensors, over the limit of " + MOST_TENSORS);
            }
            for (Map.Entry<String, JsonElement> member : header.entrySet()) {
                if (member.getKey().equals(METADATA)) {
                    StrictJson.object(member.getValue(), METADATA)
                            .asMap()
                            .forEach((k, v) -> metadata.put(k, StrictJson.string(v, k)));
                } else {
                    ordered.add(entry(file, member.getKey(), member.getValue()));
                }
            }
        } catch (IllegalArgumentException e) {
            CheckpointException unreadable =
                    new CheckpointException(
                            file,
                            "its header cannot be read: " + e.getMessage(),
                            CheckpointException.WRITE_AGAIN);
            unreadable.initCause(e);
            throw unreadable;
        }
        // by end as well: an empty tensor begins where the next one does
        ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long dataBegin = (long) Long.BYTES + json.length;
        checkLayout(file, ordered, fileSize - dataBegin);
        return new SafetensorsHeader(ordered, metadata, dataBegin);
    }

    private static String utf8(byte[] json) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("it is not UTF-8", e);
        }
    }

    /**
     * Reads {"dtype": "F16", "shape": [32000, 4096], "data_offsets": [0, 262144000]}; other keys
     * are ignored, as in the reference implementation.
     */
    private static Entry entry(Path file, String name, JsonElement value)
            throws CheckpointException {
        JsonObject fields = StrictJson.object(value, name);
        if (!fields.keySet().containsAll(FIELDS)) {
            throw invalid(file, name, "lacks dtype, shape or data_offsets");
        }
        String dtypeName = StrictJson.string(fields.get("dtype"), name + ".dtype");
        List<Long> shape = integers(fields.get("shape"), name + ".shape");
        List<Long> offsets = integers(fields.get("data_offsets"), name + ".data_offsets");
        Dtype dtype = Dtype.ofSafetensors(dtypeName);
        if (dtype == null) {
            String known =
                    String.join(
                            ", ",
                            Arrays.stream(Dtype.values()).map(Dtype::safetensorsName).toList());
            throw new CheckpointException(
                    file,
                    String.format(
                            "tensor %s has the dtype %s, supported are %s",
                            Quote.of(name), Quote.of(dtypeName), known),
                    "Convert the model, for example with"
                            + " from_pretrained(.., dtype=torch.bfloat16).save_pretrained(..)");
        }
        if (offsets.size() != 2 || offsets.get(1) < offsets.get(0)) {
            throw invalid(file, name, "has the data_offsets " + offsets + ", not [begin, end]");
        }
        return new Entry(name, dtype, shape, offsets.get(0), offsets.get(1));
    }

    private static List<Long> integers(JsonElement value, String key) {
        List<JsonElement> elements = StrictJson.array(value, key);
        if (elements.size() > MOST_DIMENSIONS) {
            throw new IllegalArgumentException(
                    Quote.of(key) + " is an array of " + elements.size() + " numbers");
        }
        return elements.stream().map(element -> StrictJson.integer(element, key, LARGEST)).toList();
    }

    /** Checks that the entries fill {@code available} bytes without gaps or overlaps. */
    private static void checkLayout(Path file, List<Entry> entries, long available)
            throws CheckpointException {
        long position = 0;
        for (Entry entry : entries) {
            long bytes;
            try {
                bytes = Tensor.bytes(entry.dtype(), entry.dimensions());
            } catch (ArithmeticException e) {
                bytes = -1; // over 2^63, more than any offsets
            }
            if (bytes != entry.size()) {
                throw invalid(
                        file,
                        entry.name(),
                        String.format(
                                Locale.ROOT,
                                "takes %s bytes as %s%s, but its data_offsets [%d, %d] span %d",
                                bytes < 0 ? "over 2^63" : Long.toString(bytes),
                                entry.dtype().safetensorsName(),
                                entry.shape(),
                                entry.begin(),
                                entry.end(),
                                entry.size()));
            }
            if (entry.begin() != position) {
                throw invalid(
                        file,
                        entry.name(),
                        entry.begin() < position
                                ? "overlaps the previous tensor: it begins at byte "
                                        + entry.begin()
                                        + ", the previous tensor ends at "
                                        + position
                                : "leaves a gap before it, from byte "
                                        + position
                                        + " to "
                                        + entry.begin());
            }
            position = entry.end();
            if (position > available) {
                throw new CheckpointException(
                        file,
                        String.format(
                                Locale.ROOT,
                                "the file ends after %d of %d bytes of data, within tensor \"%s\":"
                                        + " the download is probably incomplete",
                                available,
                                entries.get(entries.size() - 1).end(),
                                entry.name()),
                        CheckpointException.DOWNLOAD);
            }
        }
        if (position < available) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "%d bytes follow the last tensor of the header",
                            available - position),
                    CheckpointException.WRITE_AGAIN);
        }
    }

    private static CheckpointException invalid(Path file, String tensor, String problem) {
        return new CheckpointException(
                file,
                "tensor " + Quote.of(tensor) + " " + problem,
                CheckpointException.WRITE_AGAIN);
    }

    /** Creates the entry of a tensor whose bytes begin at this position. */
    static Entry entry(Tensor tensor, long begin) {
        List<Long> shape = Arrays.stream(tensor.shape()).boxed().toList();
        long end = begin + tensor.data().remaining();
        return new Entry(tensor.name(), tensor.dtype(), shape, begin, end);
    }

    /** Creates the header of a file, padded with spaces so that the data is aligned. */
    static byte[] bytes(List<Entry> entries, Map<String, String> metadata) throws IOException {
        StringWriter text = new StringWriter();
        Set<String> names = new HashSet<>(Set.of(METADATA));
        try (JsonWriter json = new JsonWriter(text)) {
            json.beginObject();
            if (!metadata.isEmpty()) {
                json.name(METADATA).beginObject();
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.name(entry.getKey()).value(entry.getValue());
                }
                json.endObject();
            }
            for (Entry entry : entries) {
                if (!names.add(entry.name())) {
                    throw new IllegalArgumentException(
                            "the name \"" + entry.name() + "\" is reserved or occurs twice");
                }
                json.name(entry.name()).beginObject();
                json.name("dtype").value(entry.dtype().safetensorsName());
                json.name("shape").beginArray();
                for (long dimension : entry.shape()) {
                    json.value(dimension);
                }
                json.endArray();
                json.name("data_offsets").beginArray().value(entry.begin()).value(entry.end());
                json.endArray();
                json.endObject();
            }
            json.endObject();
        }
        byte[] header = text.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(header, header.length + padding(header.length));
        Arrays.fill(padded, header.length, padded.length, (byte) ' ');
        return padded;
    }

    /**
     * Returns the number of spaces after a header: 16 for 1000 bytes, since 8 + 1000 + 16 = 16 ·
     * 64.
     */
    static int padding(int headerLength) {
        return Math.floorMod(-(Long.BYTES + headerLength), ALIGNMENT);
    }

    /** Returns the size of a name in JSON in bytes, quotes included. */
    static int quotedLength(String name) {
        return new JsonPrimitive(name).toString().getBytes(StandardCharsets.UTF_8).length;
    }
}
