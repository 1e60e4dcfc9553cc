/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.SmallFile;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file of weights whose tensors are memory-mapped. Mappings outlive {@link #close}.
 *
 * <p>Mappings are copy-on-write: writing to one copies the memory page and never changes the file.
 * If {@link CopyOnWriteFile} is not supported and this process has no write permission, they are
 * read-only.
 */
final class MappedFile implements Closeable {

    private static final String GIT_LFS_POINTER = "version https://git-lfs";

    private final FileChannel channel;
    private final @Nullable CopyOnWriteFile copyOnWrite;

    /** The mode of mappings if {@link #copyOnWrite} is null or refuses one. */
    private final MapMode mode;

    private final long size;
    private final FileState state;

    private MappedFile(
            FileChannel channel,
            @Nullable CopyOnWriteFile copyOnWrite,
            MapMode mode,
            FileState state)
            throws IOException {
        this.channel = channel;
        this.copyOnWrite = copyOnWrite;
        this.mode = mode;
        this.state = state;
        size = channel.size();
    }

    /**
     * Opens a file.
     *
     * @throws CheckpointException if the file is a Git LFS pointer
     */
    static MappedFile open(Path file) throws IOException {
        SmallFile.requireRegular(file);
        FileState state = FileState.of(file); // first, so that no later change is missed
        CopyOnWriteFile copyOnWrite = CopyOnWriteFile.open(file);
        boolean writable = copyOnWrite == null && Files.isWritable(file);
        Set<? extends OpenOption> options =
                writable
                        ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
                        : Set.of(StandardOpenOption.READ);
        FileChannel channel;
        try {
            channel = FileChannel.open(file, options);
        } catch (IOException | RuntimeException e) {
            if (copyOnWrite != null) {
                copyOnWrite.close();
            }
            throw e;
        }
        MapMode mode = writable ? MapMode.PRIVATE : MapMode.READ_ONLY;
        MappedFile mapped = new MappedFile(channel, copyOnWrite, mode, state);
        try {
            if (copyOnWrite != null && !FileState.of(file).equals(state)) {
                // the two descriptors may refer to different files
                throw new CheckpointException(
                        file, "the file was replaced while it was opened", "Load the model again");
            }
            byte[] start = mapped.bytes(0, (int) Math.min(mapped.size, GIT_LFS_POINTER.length()));
            if (new String(start, StandardCharsets.ISO_8859_1).equals(GIT_LFS_POINTER)) {
                throw new CheckpointException(
                        file,
                        "this is a Git LFS pointer, not the file itself",
                        "Run \"git lfs pull\" in the repository, or download the file itself");
            }
            return mapped;
        } catch (IOException | RuntimeException e) {
            mapped.close();
            throw e;
        }
    }

    long size() {
        return size;
    }

    /** Returns the state of the file before it was read. */
    FileState state() {
        return state;
    }

    /** Reads bytes of the file. */
    byte[] bytes(long position, int count) throws IOException {
        return readFully(position, ByteBuffer.allocate(count)).array();
    }

    /**
     * Returns the bytes of a tensor, little-endian: mapped, or a copy if the tensor is misaligned.
     *
     * <p>Native code may require elements to be aligned to their size.
     */
    ByteBuffer tensor(long position, int count, int alignment) throws IOException {
        ByteBuffer data;
        if (count == 0) {
            data = ByteBuffer.allocateDirect(0); // has an address, unlike an empty mapping
        } else if (position % alignment == 0) {
            // a mapping for each tensor, not for the file: mappings are limited to 2 GiB, and Linux
            // by default refuses writable ones larger than memory, although they take none
            data = map(position, count);
        } else {
            data = readFully(position, NativeMemory.allocate(count).buffer());
        }
        return data.order(ByteOrder.LITTLE_ENDIAN);
    }

    private ByteBuffer map(long position, int count) throws IOException {
        ByteBuffer writable = copyOnWrite == null ? null : copyOnWrite.map(position, count);
        return writable == null ? channel.map(mode, position, count) : writable;
    }

    private ByteBuffer readFully(long position, ByteBuffer target) throws IOException {
        while (target.hasRemaining()) {
            if (channel.read(target, position + target.position()) < 0) {
                throw new EOFException("the file was truncated while it was read");
            }
        }
        return target.flip();
    }

    @Override
    public void close() throws IOException {
        if (copyOnWrite != null) {
            copyOnWrite.close();
        }
        channel.close();
    }
}
