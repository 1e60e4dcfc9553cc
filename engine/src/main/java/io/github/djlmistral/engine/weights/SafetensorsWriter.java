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
 * Writes a safetensors file tensor by tensor, so that a model that is larger than memory can be
 * converted. Room is left for the header, which comes first in the file and is known last.
 *
 * <p>The file appears under its name only when it is complete; until then it is a hidden temporary
 * file beside it, which {@link #close} deletes.
 *
 * <pre>{@code
 * try (SafetensorsWriter writer = SafetensorsWriter.open(file, SafetensorsWriter.room(names))) {
 *     for (String name : names) {
 *         writer.add(tensor(name));
 *     }
 *     writer.finish(Map.of("format", "pt"));
 * }
 * }</pre>
 */
public final class SafetensorsWriter implements Closeable {

    /** {@code "":{"dtype":"BF16","shape":[...],"data_offsets":[...]},} with 5 long numbers. */
    private static final int ENTRY = 55 + 5 * 20;

    private final Path file;
    private final Path temporary;
    private final FileChannel channel;
    private final int room;
    private final List<SafetensorsHeader.Entry> entries = new ArrayList<>();

    private SafetensorsWriter(Path file, int room) throws IOException {
        this.file = file;
        this.room = room;
        temporary =
                file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        // Not Files.createTempFile: what that creates is for its owner's eyes only, and stays so.
        channel =
                FileChannel.open(
                        temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        channel.position((long) Long.BYTES + room);
    }

    /**
     * Begins a file.
     *
     * @param file the file to write; one that is there is replaced in the end
     * @param room bytes for the header; what it does not need is filled with spaces. Tensors are
     *     aligned if it is 8 less than a multiple of 64, as {@link #room} gives it
     * @return the writer
     * @throws IOException if the file cannot be created
     */
    public static SafetensorsWriter open(Path file, int room) throws IOException {
        return new SafetensorsWriter(file, room);
    }

    /**
     * Tells how long a header gets at most.
     *
     * @param names the names of all tensors, of up to three dimensions each
     * @return bytes, with some hundreds for metadata
     */
    public static int room(Iterable<String> names) {
        int bytes = 512;
        for (String name : names) {
            bytes = Math.addExact(bytes, ENTRY + SafetensorsHeader.quotedLength(name));
        }
        return bytes + SafetensorsHeader.padding(bytes);
    }

    /**
     * Appends a tensor. The format allows no gaps, so it is aligned only if the sizes of those
     * before it are multiples of its element's: best begin with wide types.
     *
     * @param tensor what to write
     * @throws IOException if it cannot be written
     */
    public void add(Tensor tensor) throws IOException {
        long begin = entries.isEmpty() ? 0 : entries.get(entries.size() - 1).end();
        entries.add(SafetensorsHeader.entry(tensor, begin));
        writeFully(tensor.data());
    }

    /**
     * Writes the header, sees that everything is on the disk, and gives the file its name.
     *
     * @param metadata free text for {@link Safetensors#metadata}, may be empty
     * @throws IllegalArgumentException if two tensors have one name, or one the reserved name
     *     {@code __metadata__}
     * @throws IllegalStateException if the header is longer than the room that was left
     * @throws IOException if the file cannot be written
     */
    public void finish(Map<String, String> metadata) throws IOException {
        byte[] header = SafetensorsHeader.bytes(entries, metadata);
        if (header.length > room) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "%s: the header takes %d bytes, there is room for %d",
                            file,
                            header.length,
                            room));
        }
        byte[] padded = Arrays.copyOf(header, room);
        Arrays.fill(padded, header.length, room, (byte) ' ');
        channel.position(0);
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        writeFully(length.putLong(room).flip());
        writeFully(ByteBuffer.wrap(padded));
        // Else a power cut could leave the name in place and the bytes behind.
        channel.force(true);
        channel.close();
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private void writeFully(ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            channel.write(source);
        }
    }

    /** Deletes what was written, unless it is finished. */
    @Override
    public void close() throws IOException {
        channel.close();
        Files.deleteIfExists(temporary);
    }
}
