/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One {@code .safetensors} file, in the format that the <a
 * href="https://github.com/huggingface/safetensors#format">README of safetensors</a> defines:
 *
 * <pre>
 * 8 bytes   N, the length of the header, little-endian
 * N bytes   {"__metadata__": {"format": "pt"},
 *            "lm_head.weight": {"dtype": "F16", "shape": [32000, 4096], "data_offsets": [0, 262144000]},
 *            ...}                                             and spaces, for alignment
 * the rest  the tensors, one right behind the other; data_offsets count from here
 * </pre>
 *
 * <p>What comes from the internet is not trusted: every number in the header is checked before it
 * is used, and a file that breaks a rule of the format is refused.
 */
public final class Safetensors {

    /** The limit of the reference implementation. A header of Mistral 7B has 30 KB. */
    private static final int LONGEST_HEADER = 100_000_000;

    /** Written data begins at a multiple of a cache line, which is also the widest vector. */
    private static final int ALIGNMENT = 64;

    private static final String METADATA = "__metadata__";

    private static final String GIT_LFS_POINTER = "version https://git-lfs";

    private static final String DOWNLOAD = "Download the file again";

    private static final String WRITE_AGAIN =
            "Download the file again; if that does not help, write it again with the safetensors"
                    + " library, for example save_pretrained(safe_serialization=True)";

    private Safetensors() {}

    /** What the header says of one tensor; begin and end count from the end of the header. */
    private record Entry(String name, Dtype dtype, List<Long> shape, long begin, long end) {}

    /** A header that was checked against the file, its entries in the order of their bytes. */
    private record Header(List<Entry> entries, Map<String, String> metadata, long dataBegin) {}

    /**
     * Maps the tensors of a file into memory, without reading them.
     *
     * <p>They can be written to: that makes a private copy of the memory page and never changes the
     * file. Only where this process may not write to the file does Java refuse such a mapping; then
     * the buffers are {@linkplain ByteBuffer#isReadOnly() read-only}, and whoever wants to change a
     * tensor in place from native code has to copy it first, or the JVM crashes.
     *
     * <p>The file has to stay as it is while a tensor of it is in use; replacing it by another file
     * of this name is fine, except on Windows, which does not allow it.
     *
     * @param file the file
     * @return the tensors by name, in the order of their bytes in the file, so that going through
     *     them reads the disk from front to back; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file, or holds a tensor
     *     that DJL cannot
     * @throws IOException if the file is missing or cannot be read
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        boolean writable = Files.isWritable(file);
        Set<? extends OpenOption> options =
                writable
                        ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
                        : Set.of(StandardOpenOption.READ);
        MapMode mode = writable ? MapMode.PRIVATE : MapMode.READ_ONLY;
        try (FileChannel channel = FileChannel.open(file, options)) {
            Header header = header(file, channel);
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (Entry entry : header.entries()) {
                long size = entry.end() - entry.begin();
                if (size > Integer.MAX_VALUE) {
                    throw new CheckpointException(
                            file,
                            String.format(
                                    "tensor \"%s\" has %d bytes, but a Java buffer, and with it a"
                                            + " DJL NDArray made of one, ends at %d",
                                    entry.name(), size, Integer.MAX_VALUE),
                            "Store the model in a narrower dtype, such as bfloat16, or quantized");
                }
                ByteBuffer data =
                        data(channel, mode, header.dataBegin() + entry.begin(), (int) size, entry);
                tensors.put(
                        entry.name(),
                        new Tensor(entry.name(), entry.dtype(), dimensions(entry.shape()), data));
            }
            return Collections.unmodifiableMap(tensors);
        }
    }

    /**
     * Reads the free text that the writer of a file left in it.
     *
     * @param file the file
     * @return what the header has under {@code __metadata__}, empty if there is nothing; {@code
     *     {"format": "pt"}} in most files; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file
     * @throws IOException if the file is missing or cannot be read
     */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return Collections.unmodifiableMap(header(file, channel).metadata());
        }
    }

    /**
     * Writes a file. It appears under its name only when it is complete; until then it is a hidden
     * temporary file beside it. So a file may even be replaced by tensors that are mapped from it.
     *
     * @param file the file to write; one that is there is replaced
     * @param tensors what to write. Within the file those of wider types come first, so that all
     *     are aligned: the format allows no gaps between them
     * @param metadata free text for {@link #metadata}, may be empty
     * @throws IllegalArgumentException if two tensors have one name, or one the reserved name
     *     {@code __metadata__}
     * @throws IOException if the file cannot be written; then there is no trace of it
     */
    public static void write(Path file, Collection<Tensor> tensors, Map<String, String> metadata)
            throws IOException {
        List<Tensor> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingInt(tensor -> -tensor.dtype().bytes()));
        byte[] header = headerOf(ordered, metadata);
        Path temporary =
                file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        // Not Files.createTempFile: what that creates is for its owner's eyes only, and stays so.
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                writeFully(channel, length.putLong(header.length).flip());
                writeFully(channel, ByteBuffer.wrap(header));
                for (Tensor tensor : ordered) {
                    writeFully(channel, tensor.data());
                }
                // Else a power cut could leave the name in place and the bytes behind.
                channel.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    // Reading

    /** The bytes of one tensor, {@code position} being where in the file they begin. */
    private static ByteBuffer data(
            FileChannel channel, MapMode mode, long position, int size, Entry entry)
            throws IOException {
        if (size == 0) {
            return ByteBuffer.allocateDirect(0); // Has an address; an empty mapping has none.
        }
        if (position % entry.dtype().bytes() == 0) {
            // A mapping for each tensor, not one for the file: a mapping ends at 2 GiB, and Linux
            // by default refuses a writable one larger than memory, though it takes none.
            return channel.map(mode, position, size);
        }
        // Native code may rely on elements not straddling their natural boundaries. Happens only in
        // files of simple-minded writers, whose header has an odd length.
        return readFully(channel, position, ByteBuffer.allocateDirect(size));
    }

    private static Header header(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        byte[] start = bytes(channel, 0, (int) Math.min(size, GIT_LFS_POINTER.length()));
        if (new String(start, StandardCharsets.ISO_8859_1).equals(GIT_LFS_POINTER)) {
            throw new CheckpointException(
                    file,
                    "this is a Git LFS pointer, which only names the real file",
                    "Run \"git lfs pull\" in the repository, or download the file itself");
        }
        if (size < Long.BYTES) {
            throw new CheckpointException(
                    file,
                    String.format(
                            "the file ends after %d bytes, before the 8 that give the length of"
                                    + " its header: the download was probably cut",
                            size),
                    DOWNLOAD);
        }
        long length = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length <= 0 || length > LONGEST_HEADER) {
            throw new CheckpointException(
                    file,
                    String.format(
                            "its header would have %s bytes, and a header has 1 to %d: this is no"
                                    + " safetensors file",
                            Long.toUnsignedString(length), LONGEST_HEADER),
                    WRITE_AGAIN);
        }
        long dataBegin = Long.BYTES + length;
        if (dataBegin > size) {
            throw new CheckpointException(
                    file,
                    String.format(
                            "the file ends after %d of %d bytes, within its header: the download"
                                    + " was probably cut, or this is no safetensors file",
                            size, dataBegin),
                    DOWNLOAD);
        }
        Header header = parse(file, bytes(channel, Long.BYTES, (int) length), dataBegin);
        checkLayout(file, header.entries(), size - dataBegin);
        return header;
    }

    private static Header parse(Path file, byte[] json, long dataBegin) throws IOException {
        if (json[0] != '{') {
            throw new CheckpointException(
                    file, "its header does not begin with \"{\" as the format asks", WRITE_AGAIN);
        }
        Map<String, Entry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = null;
        try (JsonReader reader = json(json)) {
            reader.beginObject();
            while (reader.hasNext()) {
                String name = reader.nextName();
                boolean again;
                if (name.equals(METADATA)) {
                    again = metadata != null;
                    metadata = strings(file, reader);
                } else {
                    again = entries.put(name, entry(file, name, reader)) != null;
                }
                if (again) {
                    throw duplicate(file, name);
                }
            }
            reader.endObject();
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new CheckpointException(
                        file, "its header goes on behind the closing \"}\"", WRITE_AGAIN);
            }
        } catch (CheckpointException e) {
            throw e;
        } catch (IOException | IllegalStateException | NumberFormatException e) {
            throw unreadable(file, "its header", e);
        }
        List<Entry> ordered = new ArrayList<>(entries.values());
        // By end as well: an empty tensor shares its begin with its successor.
        ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        return new Header(ordered, metadata == null ? Map.of() : metadata, dataBegin);
    }

    /** {"dtype": "F16", "shape": [32000, 4096], "data_offsets": [0, 262144000]}. */
    private static Entry entry(Path file, String name, JsonReader reader) throws IOException {
        String dtypeName = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        Set<String> seen = new HashSet<>();
        reader.beginObject();
        while (reader.hasNext()) {
            String field = reader.nextName();
            if (!seen.add(field)) {
                throw new CheckpointException(
                        file, problem(name, "has \"" + field + "\" twice"), WRITE_AGAIN);
            }
            switch (field) {
                case "dtype" -> dtypeName = string(reader);
                case "shape" -> shape = longs(reader);
                case "data_offsets" -> offsets = longs(reader);
                default -> reader.skipValue(); // As the reference implementation does.
            }
        }
        reader.endObject();
        if (dtypeName == null || shape == null || offsets == null) {
            throw new CheckpointException(
                    file, problem(name, "lacks dtype, shape or data_offsets"), WRITE_AGAIN);
        }
        Dtype dtype = Dtype.ofSafetensors(dtypeName);
        if (dtype == null) {
            String known =
                    String.join(
                            ", ",
                            Arrays.stream(Dtype.values()).map(Dtype::safetensorsName).toList());
            throw new CheckpointException(
                    file,
                    problem(name, "has the dtype \"" + dtypeName + "\", supported are " + known),
                    "Convert the model, for example with"
                            + " from_pretrained(.., dtype=torch.bfloat16).save_pretrained(..)");
        }
        if (shape.stream().anyMatch(dimension -> dimension < 0)) {
            throw new CheckpointException(
                    file, problem(name, "has a negative dimension in " + shape), WRITE_AGAIN);
        }
        if (offsets.size() != 2 || offsets.get(0) < 0 || offsets.get(1) < offsets.get(0)) {
            throw new CheckpointException(
                    file,
                    problem(name, "has the data_offsets " + offsets + ", no [begin, end]"),
                    WRITE_AGAIN);
        }
        return new Entry(name, dtype, shape, offsets.get(0), offsets.get(1));
    }

    /** The entries, in order, must fill {@code available} bytes without overlap and without gap. */
    private static void checkLayout(Path file, List<Entry> entries, long available)
            throws CheckpointException {
        long position = 0;
        for (Entry entry : entries) {
            long bytes;
            try {
                bytes = Tensor.bytes(entry.dtype(), dimensions(entry.shape()));
            } catch (ArithmeticException e) {
                bytes = -1; // More than 2^63, and so more than any offsets give.
            }
            if (bytes != entry.end() - entry.begin()) {
                throw new CheckpointException(
                        file,
                        problem(
                                entry.name(),
                                String.format(
                                        "takes %s bytes as %s%s, but its data_offsets [%d, %d] give"
                                                + " it %d",
                                        bytes < 0 ? "over 2^63" : Long.toString(bytes),
                                        entry.dtype().safetensorsName(),
                                        entry.shape(),
                                        entry.begin(),
                                        entry.end(),
                                        entry.end() - entry.begin())),
                        WRITE_AGAIN);
            }
            if (entry.begin() != position) {
                throw new CheckpointException(
                        file,
                        problem(
                                entry.name(),
                                entry.begin() < position
                                        ? "overlaps the one before it: it begins at byte "
                                                + entry.begin()
                                                + ", that ends at "
                                                + position
                                        : "leaves a hole before it, from byte "
                                                + position
                                                + " to "
                                                + entry.begin()),
                        WRITE_AGAIN);
            }
            position = entry.end();
            if (position > available) {
                throw new CheckpointException(
                        file,
                        String.format(
                                "the file ends after %d of %d bytes of data, within tensor \"%s\":"
                                        + " the download was probably cut",
                                available, entries.get(entries.size() - 1).end(), entry.name()),
                        DOWNLOAD);
            }
        }
        if (position < available) {
            throw new CheckpointException(
                    file,
                    String.format(
                            "%d bytes follow the last tensor, which the header does not know of",
                            available - position),
                    WRITE_AGAIN);
        }
    }

    private static String problem(String tensor, String problem) {
        return "tensor \"" + tensor + "\" " + problem;
    }

    private static long[] dimensions(List<Long> shape) {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    private static byte[] bytes(FileChannel channel, long position, int count) throws IOException {
        return readFully(channel, position, ByteBuffer.allocate(count)).array();
    }

    private static ByteBuffer readFully(FileChannel channel, long position, ByteBuffer target)
            throws IOException {
        while (target.hasRemaining()) {
            if (channel.read(target, position + target.position()) < 0) {
                throw new EOFException("the file became shorter while it was read");
            }
        }
        return target.flip();
    }

    // JSON, for the index of a checkpoint as well

    /** A reader that insists on UTF-8 and on JSON as RFC 8259 has it. */
    static JsonReader json(byte[] json) throws CharacterCodingException {
        // Unlike new String(..), a decoder complains of what is not UTF-8.
        String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        JsonReader reader = new JsonReader(new StringReader(text));
        reader.setStrictness(Strictness.STRICT);
        return reader;
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

    /** What to throw if {@link #json}, or the reader that it gave, threw {@code cause}. */
    static CheckpointException unreadable(Path file, String what, Exception cause) {
        String reason =
                cause instanceof CharacterCodingException
                        ? "it is not UTF-8"
                        // The first line: the second is a link to gson's own help.
                        : String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
        CheckpointException exception =
                new CheckpointException(file, what + " cannot be read: " + reason, WRITE_AGAIN);
        exception.initCause(cause);
        return exception;
    }

    private static CheckpointException duplicate(Path file, String name) {
        return new CheckpointException(
                file,
                "the name \"" + name + "\" comes twice, so what it means is open",
                WRITE_AGAIN);
    }

    /** JsonReader itself would take a number for a string. */
    private static String string(JsonReader reader) throws IOException {
        if (reader.peek() != JsonToken.STRING) {
            throw new IllegalStateException(
                    "Expected STRING but was " + reader.peek() + " at path " + reader.getPath());
        }
        return reader.nextString();
    }

    /** JsonReader itself would take "1", 1.0 and 1e0 for a 1. */
    private static List<Long> longs(JsonReader reader) throws IOException {
        List<Long> longs = new ArrayList<>();
        reader.beginArray();
        while (reader.hasNext()) {
            String path = reader.getPath();
            @Nullable String number =
                    reader.peek() == JsonToken.NUMBER ? reader.nextString() : null;
            if (number == null || !number.matches("-?\\d{1,18}")) {
                throw new NumberFormatException(
                        "Expected an integer of at most 18 digits at path " + path);
            }
            longs.add(Long.parseLong(number));
        }
        reader.endArray();
        return longs;
    }

    // Writing

    private static byte[] headerOf(List<Tensor> tensors, Map<String, String> metadata)
            throws IOException {
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
            long position = 0;
            for (Tensor tensor : tensors) {
                if (!names.add(tensor.name())) {
                    throw new IllegalArgumentException(
                            "the name \"" + tensor.name() + "\" is reserved or comes twice");
                }
                json.name(tensor.name()).beginObject();
                json.name("dtype").value(tensor.dtype().safetensorsName());
                json.name("shape").beginArray();
                for (long dimension : tensor.shape()) {
                    json.value(dimension);
                }
                json.endArray();
                json.name("data_offsets").beginArray().value(position);
                position += tensor.data().remaining();
                json.value(position).endArray();
                json.endObject();
            }
            json.endObject();
        }
        byte[] header = text.toString().getBytes(StandardCharsets.UTF_8);
        // 8 + 1000 bytes: 16 spaces more make it 1024, the next multiple of 64.
        int padding = Math.floorMod(-(Long.BYTES + header.length), ALIGNMENT);
        byte[] padded = Arrays.copyOf(header, header.length + padding);
        Arrays.fill(padded, header.length, padded.length, (byte) ' ');
        return padded;
    }

    private static void writeFully(FileChannel channel, ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            channel.write(source);
        }
    }
}
