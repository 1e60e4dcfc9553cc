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

    /** A header of Mistral 7B has 30 KB; the reference implementation allows 100 MB. */
    private static final int LONGEST_HEADER = 16 << 20;

    private Safetensors() {}

    /**
     * Maps the tensors of a file into memory, without reading them.
     *
     * <p>They can be written to: that makes a private copy of the memory page and never changes the
     * file. Only where this process may not write to the file does Java refuse such a mapping; then
     * the buffers are {@linkplain ByteBuffer#isReadOnly() read-only}, and whoever wants to change a
     * tensor in place from native code has to copy it first, or the JVM crashes.
     *
     * <p>The file must not be written to while a tensor of it is in use, see {@link SourceFiles};
     * renaming another file to its name is safe, except on Windows, which does not allow it.
     *
     * @param file the file
     * @return the tensors by name, in the order of their bytes in the file, so that going through
     *     them reads the disk from front to back; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file, or holds a tensor
     *     that DJL cannot
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
                                    "tensor %s has %d bytes, but a Java buffer, and with it a"
                                            + " DJL NDArray made of one, ends at %d",
                                    Quote.of(entry.name()),
                                    entry.size(),
                                    Integer.MAX_VALUE),
                            "Store the model in a narrower dtype, such as bfloat16, or quantized");
                }
                // Not aligned only in files of simple-minded writers, whose header has an odd
                // length.
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
     * Reads the free text that the writer of a file left in it.
     *
     * @param file the file
     * @return what the header has under {@code __metadata__}, empty if there is nothing; {@code
     *     {"format": "pt"}} in most files; unmodifiable
     * @throws CheckpointException if the file is not a valid safetensors file
     * @throws IOException if the file is missing or cannot be read
     */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (MappedFile mapped = MappedFile.open(file)) {
            return Collections.unmodifiableMap(header(file, mapped).metadata());
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
        List<SafetensorsHeader.Entry> entries = new ArrayList<>();
        long begin = 0;
        for (Tensor tensor : ordered) {
            entries.add(SafetensorsHeader.entry(tensor, begin));
            begin += tensor.data().remaining();
        }
        int room = SafetensorsHeader.bytes(entries, metadata).length;
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, room)) {
            for (Tensor tensor : ordered) {
                writer.add(tensor);
            }
            writer.finish(metadata);
        }
    }

    /** Reads the length of the header, and then the header, if the file can have one so long. */
    private static SafetensorsHeader header(Path file, MappedFile mapped) throws IOException {
        long size = mapped.size();
        if (size < Long.BYTES) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the file ends after %d bytes, before the 8 that give the length of"
                                    + " its header: the download was probably cut",
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
                            "its header would have %s bytes, and a header has 1 to %d: this is not a"
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
                                    + " was probably cut, or this is no safetensors file",
                            size,
                            dataBegin),
                    CheckpointException.DOWNLOAD);
        }
        return SafetensorsHeader.parse(file, mapped.bytes(Long.BYTES, (int) length), size);
    }
}
