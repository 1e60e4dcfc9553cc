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
 * Where {@link CopyOnWriteFile} is not supported and this process may not write to the file, they
 * are read-only.
 */
final class MappedFile implements Closeable {

    private static final String GIT_LFS_POINTER = "version https://git-lfs";

    private final FileChannel channel;
    private final @Nullable CopyOnWriteFile copyOnWrite;

    /** The mode of mappings that {@link #copyOnWrite} does not make. */
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
     * @throws CheckpointException if it is not the file itself, but a pointer of Git LFS to it
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
                        "this is a Git LFS pointer, which only names the real file",
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

    /** The file before anything was read of it. */
    FileState state() {
        return state;
    }

    /** A copy of bytes that the file has. */
    byte[] bytes(long position, int count) throws IOException {
        return readFully(position, ByteBuffer.allocate(count)).array();
    }

    /**
     * The bytes of a tensor, little-endian, which the file has.
     *
     * <p>Native code may rely on elements not straddling their natural boundaries, so those of a
     * tensor that is not aligned are copied.
     */
    ByteBuffer tensor(long position, int count, int alignment) throws IOException {
        ByteBuffer data;
        if (count == 0) {
            data = ByteBuffer.allocateDirect(0); // Has an address; an empty mapping has none.
        } else if (position % alignment == 0) {
            // A mapping for each tensor, not one for the file: a mapping ends at 2 GiB, and Linux
            // by default refuses a writable one larger than memory, though it takes none.
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
                throw new EOFException("the file became shorter while it was read");
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
