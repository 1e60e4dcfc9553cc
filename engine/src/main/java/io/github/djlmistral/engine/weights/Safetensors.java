/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads and writes {@code .safetensors} files. Their format, defined by the <a
 * href="https://github.com/huggingface/safetensors#format">README of safetensors</a>, is
 *
 * <pre>
 * 8 bytes   N, the length of the header, little-endian
 * N bytes   {"__metadata__": {"format": "pt"},
 *            "lm_head.weight": {"dtype": "F16", "shape": [32000, 4096], "data_offsets": [0, 262144000]},
 *            ...}                                             and spaces, for alignment
 * the rest  the tensors without gaps; data_offsets are relative to this position
 * </pre>
 *
 * <p>Files are not trusted: the header is validated completely before it is used.
 */
public final class Safetensors {

    /** Mistral 7B has a header of 30 KB; the reference implementation allows 100 MB. */
    private static final int LONGEST_HEADER = 16 << 20;

    private Safetensors() {}

    /**
     * Memory-maps the tensors of a file, without reading them.
     *
     * <p>The mapping is copy-on-write: writing to a tensor never changes the file. On Windows, the
     * tensors of a file that this process may not write to are {@linkplain ByteBuffer#isReadOnly()
     * read-only}: native code that modifies one in place crashes the JVM, so copy it first.
     *
     * <p>The file must not be written to while a tensor of it is in use, see {@link SourceFiles};
     * renaming another file to its name is safe, except on Windows, which does not allow it.
     *
     * @param file the file
     * @return the tensors by name, in the order of their bytes, so that reading them in order reads
     *     the file sequentially; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file, or has a tensor of
     *     an unsupported type or size
     * @throws IOException if the file is missing or cannot be read
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        try (MappedFile mapped = MappedFile.open(file)) {
            SafetensorsHeader header = header(file, mapped);
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (SafetensorsHeader.Entry entry : header.entries()) {
                if (entry.size() > Integer.MAX_VALUE) {
                    throw new CheckpointException(
                            file,
                            String.format(
                                    Locale.ROOT,
                                    "tensor %s has %d bytes, but Java buffers, and DJL arrays"
                                            + " created from them, are limited to %d",
                                    Quote.of(entry.name()),
                                    entry.size(),
                                    Integer.MAX_VALUE),
                            "Convert the model to a smaller dtype such as bfloat16, or quantize it");
                }
                // misaligned only in files of writers that do not pad the header
                ByteBuffer data =
                        mapped.tensor(
                                header.dataBegin() + entry.begin(),
                                (int) entry.size(),
                                entry.dtype().bytes());
                tensors.put(
                        entry.name(),
                        new Tensor(
                                entry.name(),
                                entry.dtype(),
                                entry.dimensions(),
                                data,
                                mapped.state(),
                                null));
            }
            return Collections.unmodifiableMap(tensors);
        }
    }

    /**
     * Reads the metadata of a file.
     *
     * @param file the file
     * @return the {@code __metadata__} of the header, empty if it has none; {@code {"format":
     *     "pt"}} in most files; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file
     * @throws IOException if the file is missing or cannot be read
     */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (MappedFile mapped = MappedFile.open(file)) {
            return Collections.unmodifiableMap(header(file, mapped).metadata());
        }
    }

    /**
     * Writes a file. A hidden temporary file in the same directory is written first and renamed
     * when it is complete, so a file can be replaced by tensors that are mapped from it.
     *
     * @param file the file; an existing one is replaced
     * @param tensors the tensors. They are written in descending order of element size, so that all
     *     are aligned: the format allows no gaps
     * @param metadata the metadata, see {@link #metadata}; may be empty
     * @throws IllegalArgumentException if two tensors have the same name, or one has the reserved
     *     name {@code __metadata__}
     * @throws IOException if the file cannot be written; no temporary file remains
     */
    public static void write(Path file, Collection<Tensor> tensors, Map<String, String> metadata)
            throws IOException {
        List<Tensor> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingInt(tensor -> -tensor.dtype().bytes()));
        List<SafetensorsHeader.Entry> entries = new ArrayList<>();
        long begin = 0;
        for (Tensor tensor : ordered) {
            entries.add(SafetensorsHeader.entry(tensor, begin));
            begin += tensor.data().remaining();
        }
        int headerSize = SafetensorsHeader.bytes(entries, metadata).length;
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, headerSize)) {
            for (Tensor tensor : ordered) {
                writer.add(tensor);
            }
            writer.finish(metadata);
        }
    }

    /** Reads the header, after checking its length. */
    private static SafetensorsHeader header(Path file, MappedFile mapped) throws IOException {
        long size = mapped.size();
        if (size < Long.BYTES) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the file ends after %d bytes, within the 8 bytes of the length of"
                                    + " its header: the download is probably incomplete",
                            size),
                    CheckpointException.DOWNLOAD);
        }
        long length =
                ByteBuffer.wrap(mapped.bytes(0, Long.BYTES))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getLong();
        if (length <= 0 || length > LONGEST_HEADER) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the length of its header is %s bytes, must be 1 to %d: this is not a"
                                    + " safetensors file",
                            Long.toUnsignedString(length),
                            LONGEST_HEADER),
                    CheckpointException.WRITE_AGAIN);
        }
        long dataBegin = Long.BYTES + length;
        if (dataBegin > size) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the file ends after %d of %d bytes, within its header: the download"
                                    + " is probably incomplete, or this is not a safetensors file",
                            size,
                            dataBegin),
                    CheckpointException.DOWNLOAD);
        }
        return SafetensorsHeader.parse(file, mapped.bytes(Long.BYTES, (int) length), size);
    }
}
