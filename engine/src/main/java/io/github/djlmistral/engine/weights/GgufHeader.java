/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The header of a GGUF file: metadata and tensor list. Reading validates it: tensors are within the
 * file and do not overlap.
 *
 * @param version 2 or 3
 * @param metadata the metadata
 * @param entries the tensors, in the order of the file's list
 */
record GgufHeader(int version, GgufMetadata metadata, List<Entry> entries) {

    private static final String ALIGNMENT = "general.alignment";
    private static final int DEFAULT_ALIGNMENT = 32;

    /** Minimum size of a metadata value in bytes: length of the key, type, and one byte. */
    private static final int LEAST_PAIR = 8 + 4 + 1;

    /**
     * Minimum size of a tensor in the list in bytes: length of the name, number of dimensions, one
     * dimension, type and offset.
     */
    private static final int LEAST_ENTRY = 8 + 4 + 8 + 4 + 8;

    private static final int MOST_DIMENSIONS = 4;

    /** Each tensor is a mapping; the largest models have 2,000. */
    private static final int MOST_TENSORS = 1 << 15;

    /** Files have about 40 metadata values. */
    private static final int MOST_PAIRS = 1 << 16;

    /**
     * A tensor.
     *
     * @param shape the dimensions, outermost first
     * @param begin the position in the file in bytes
     */
    @SuppressWarnings("ArrayRecordComponent") // stays in this package
    record Entry(String name, GgmlType type, long[] shape, long begin, long size) {}

    static GgufHeader read(Path file) throws IOException {
        try (MappedFile mapped = MappedFile.open(file)) {
            return read(file, mapped);
        }
    }

    static GgufHeader read(Path file, MappedFile mapped) throws IOException {
        long size = mapped.size();
        int start = (int) Math.min(size, GgufCursor.LONGEST_HEADER);
        ByteBuffer bytes = mapped.tensor(0, start, 1);
        checkMagic(file, bytes);
        GgufCursor cursor = new GgufCursor(file, bytes, start == size);
        cursor.int32("the magic number");
        int version = version(file, cursor.int32("the version"));
        int tensors = cursor.count("tensors", MOST_TENSORS, LEAST_ENTRY);
        int pairs = cursor.count("metadata values", MOST_PAIRS, LEAST_PAIR);
        GgufMetadata metadata = GgufMetadata.read(file, cursor, pairs);
        long alignment = metadata.integer(ALIGNMENT).orElse(DEFAULT_ALIGNMENT);
        if (alignment < 8 || alignment > 1 << 30 || Long.bitCount(alignment) != 1) {
            throw new CheckpointException(
                    file,
                    "\"" + ALIGNMENT + "\" is " + alignment + ", not 8, 16, 32...",
                    CheckpointException.CONVERT_AGAIN);
        }
        List<Entry> relative = new ArrayList<>(tensors);
        Set<String> names = new HashSet<>();
        for (int i = 0; i < tensors; i++) {
            Entry entry = entry(file, cursor, alignment);
            if (!names.add(entry.name())) {
                throw new CheckpointException(
                        file,
                        "the tensor " + Quote.of(entry.name()) + " occurs twice",
                        CheckpointException.CONVERT_AGAIN);
            }
            relative.add(entry);
        }
        // data begins at the next multiple of the alignment
        long dataBegin = (cursor.position() + alignment - 1) / alignment * alignment;
        return new GgufHeader(version, metadata, placed(file, relative, dataBegin, size));
    }

    private static void checkMagic(Path file, ByteBuffer bytes) throws CheckpointException {
        byte[] magic = new byte[Math.min(4, bytes.remaining())];
        bytes.get(0, magic);
        if (!new String(magic, StandardCharsets.ISO_8859_1).equals(Gguf.MAGIC)) {
            throw new CheckpointException(
                    file,
                    bytes.hasRemaining()
                            ? "it does not begin with the letters " + Gguf.MAGIC
                            : "the file is empty",
                    "Give a .gguf file, or download it again");
        }
    }

    private static int version(Path file, int version) throws CheckpointException {
        if (version == 2 || version == 3) {
            return version;
        }
        boolean swapped = (version & 0xFFFF) == 0 && version != 0;
        throw new CheckpointException(
                file,
                swapped
                        ? "it is a GGUF file for big-endian machines"
                        : "its GGUF version is "
                                + Integer.toUnsignedString(version)
                                + ", supported are 2 and 3",
                swapped
                        ? "Get the usual little-endian one, or convert it with"
                                + " gguf_convert_endian.py of llama.cpp"
                        : "Get a newer file of the model, or create one with convert_hf_to_gguf.py"
                                + " of llama.cpp");
    }

    /** Reads an entry, whose begin is relative to the data, as in the file. */
    private static Entry entry(Path file, GgufCursor cursor, long alignment)
            throws CheckpointException {
        String name = cursor.string("the name of a tensor");
        int dimensions = cursor.int32("the shape of tensor " + Quote.of(name));
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw invalid(
                    file,
                    name,
                    String.format(
                            Locale.ROOT,
                            "has %s dimensions, not 1 to %d",
                            Integer.toUnsignedString(dimensions),
                            MOST_DIMENSIONS));
        }
        long[] shape = new long[dimensions];
        for (int i = dimensions - 1; i >= 0; i--) {
            shape[i] = cursor.int64("the shape of tensor " + Quote.of(name));
            if (shape[i] <= 0) {
                throw invalid(file, name, "has a dimension of " + Long.toUnsignedString(shape[i]));
            }
        }
        int code = cursor.int32("the type of tensor " + Quote.of(name));
        GgmlType type = GgmlType.of(code);
        if (type == null) {
            throw new CheckpointException(
                    file,
                    String.format(
                            "tensor %s is of type %s; supported are %s",
                            Quote.of(name), GgmlType.describe(code), GgmlType.all()),
                    "Get a file of the model in one of these, such as its Q4_K_M, Q6_K or Q8_0"
                            + " file");
        }
        long offset = cursor.int64("the offset of tensor " + Quote.of(name));
        if (offset < 0 || offset % alignment != 0) {
            throw invalid(
                    file,
                    name,
                    String.format(
                            Locale.ROOT,
                            "begins at byte %s, which is not a multiple of %d",
                            Long.toUnsignedString(offset),
                            alignment));
        }
        return new Entry(name, type, shape, offset, bytes(file, name, type, shape));
    }

    private static long bytes(Path file, String name, GgmlType type, long[] shape)
            throws CheckpointException {
        long columns = shape[shape.length - 1];
        if (columns % type.blockSize() != 0) {
            throw invalid(
                    file,
                    name,
                    String.format(
                            Locale.ROOT,
                            "has rows of %d, which is not a multiple of the block size, %d for %s",
                            columns,
                            type.blockSize(),
                            type));
        }
        try {
            long bytes = Math.multiplyExact(columns / type.blockSize(), type.blockBytes());
            for (int i = 0; i < shape.length - 1; i++) {
                bytes = Math.multiplyExact(bytes, shape[i]);
            }
            return bytes;
        } catch (ArithmeticException e) {
            throw invalid(file, name, "has more than 2^63 bytes");
        }
    }

    /**
     * Checks that tensors are within the file and do not overlap; returns them with absolute
     * positions.
     */
    private static List<Entry> placed(
            Path file, List<Entry> relative, long dataBegin, long fileSize)
            throws CheckpointException {
        List<Entry> sorted = new ArrayList<>(relative);
        sorted.sort(Comparator.comparingLong(Entry::begin));
        long available = fileSize - dataBegin;
        long end = 0;
        for (Entry entry : sorted) {
            if (entry.begin() < end) {
                throw invalid(
                        file,
                        entry.name(),
                        String.format(
                                Locale.ROOT,
                                "overlaps the previous tensor: it begins at byte %d of the data, the"
                                        + " previous tensor ends at %d",
                                entry.begin(),
                                end));
            }
            if (entry.begin() > available || entry.size() > available - entry.begin()) {
                throw new CheckpointException(
                        file,
                        String.format(
                                Locale.ROOT,
                                "the file has %d bytes, and tensor %s takes %d from byte %s:"
                                        + " the download is probably incomplete",
                                fileSize,
                                Quote.of(entry.name()),
                                entry.size(),
                                Long.toUnsignedString(dataBegin + entry.begin())),
                        CheckpointException.DOWNLOAD);
            }
            end = entry.begin() + entry.size();
        }
        return relative.stream()
                .map(e -> new Entry(e.name(), e.type(), e.shape(), dataBegin + e.begin(), e.size()))
                .toList();
    }

    private static CheckpointException invalid(Path file, String tensor, String problem) {
        return new CheckpointException(
                file,
                "tensor " + Quote.of(tensor) + " " + problem,
                CheckpointException.CONVERT_AGAIN);
    }
}
