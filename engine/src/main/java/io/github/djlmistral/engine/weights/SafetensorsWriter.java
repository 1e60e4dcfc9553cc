/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/**
 * Writes a safetensors file one tensor at a time, so that models larger than memory can be
 * converted. Space for the header is reserved at the beginning of the file, and the header is
 * written last.
 *
 * <p>Until the file is complete it is a hidden temporary file in the same directory, which {@link
 * #close} deletes.
 *
 * <pre>{@code
 * int capacity = SafetensorsWriter.headerCapacity(names);
 * try (SafetensorsWriter writer = SafetensorsWriter.open(file, capacity)) {
 *     for (String name : names) {
 *         writer.add(tensor(name));
 *     }
 *     writer.finish(Map.of("format", "pt"));
 * }
 * }</pre>
 */
public final class SafetensorsWriter implements Closeable {

    /**
     * Size of {@code "":{"dtype":"BF16","shape":[...],"data_offsets":[...]},} with 5 long numbers.
     */
    private static final int ENTRY = 55 + 5 * 20;

    private final Path file;
    private final Path temporary;
    private final FileChannel channel;
    private final int headerCapacity;
    private final List<SafetensorsHeader.Entry> entries = new ArrayList<>();

    private SafetensorsWriter(Path file, int headerCapacity) throws IOException {
        this.file = file;
        this.headerCapacity = headerCapacity;
        temporary =
                file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        // not Files.createTempFile, whose files are readable by their owner only
        channel =
                FileChannel.open(
                        temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        channel.position((long) Long.BYTES + headerCapacity);
    }

    /**
     * Creates a writer.
     *
     * @param file the file; an existing one is replaced by {@link #finish}
     * @param headerCapacity the maximum size of the header in bytes, see {@link #headerCapacity};
     *     unused bytes are filled with spaces
     * @return the writer
     * @throws IOException if the file cannot be created
     */
    public static SafetensorsWriter open(Path file, int headerCapacity) throws IOException {
        return new SafetensorsWriter(file, headerCapacity);
    }

    /**
     * Computes the maximum size of a header.
     *
     * @param names the names of all tensors, of up to three dimensions each
     * @return the size in bytes, including 512 bytes for metadata; it aligns the tensors to 64
     *     bytes
     */
    public static int headerCapacity(Iterable<String> names) {
        int bytes = 512;
        for (String name : names) {
            bytes = Math.addExact(bytes, ENTRY + SafetensorsHeader.quotedLength(name));
        }
        return bytes + SafetensorsHeader.padding(bytes);
    }

    /**
     * Appends a tensor. The format allows no gaps: to align all tensors, append them in descending
     * order of element size.
     *
     * @param tensor the tensor
     * @throws IOException if it cannot be written
     */
    public void add(Tensor tensor) throws IOException {
        long begin = entries.isEmpty() ? 0 : entries.get(entries.size() - 1).end();
        entries.add(SafetensorsHeader.entry(tensor, begin));
        writeFully(tensor.data());
    }

    /**
     * Writes the header, syncs the file to disk, and renames it.
     *
     * @param metadata the metadata, see {@link Safetensors#metadata}; may be empty
     * @throws IllegalArgumentException if two tensors have the same name, or one has the reserved
     *     name {@code __metadata__}
     * @throws IllegalStateException if the header exceeds its capacity
     * @throws IOException if the file cannot be written
     */
    public void finish(Map<String, String> metadata) throws IOException {
        byte[] header = SafetensorsHeader.bytes(entries, metadata);
        if (header.length > headerCapacity) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "%s: the header takes %d bytes, its capacity is %d",
                            file,
                            header.length,
                            headerCapacity));
        }
        byte[] padded = Arrays.copyOf(header, headerCapacity);
        Arrays.fill(padded, header.length, headerCapacity, (byte) ' ');
        channel.position(0);
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        writeFully(length.putLong(headerCapacity).flip());
        writeFully(ByteBuffer.wrap(padded));
        // otherwise the file could be renamed but incomplete after a power failure
        channel.force(true);
        channel.close();
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private void writeFully(ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            channel.write(source);
        }
    }

    /** Deletes the temporary file, unless the writer is finished. */
    @Override
    public void close() throws IOException {
        channel.close();
        Files.deleteIfExists(temporary);
    }
}
