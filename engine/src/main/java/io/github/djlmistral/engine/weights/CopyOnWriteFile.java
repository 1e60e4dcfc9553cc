/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.sun.jna.Function;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import java.io.Closeable;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A file mapped copy-on-write with POSIX {@code mmap}. Writing to the mapped memory copies the page
 * and never changes the file.
 *
 * <p>{@link MapMode#PRIVATE} does the same, but only for files that this process may write to.
 * Files of weights are often read-only, and an optimizer, which modifies weights in native code,
 * causes a segmentation fault in a read-only mapping.
 *
 * <p>A mapping outlives {@link #close}: it is unmapped when its buffer is unreachable.
 */
final class CopyOnWriteFile implements Closeable {

    // the same values on Linux and macOS
    private static final int O_RDONLY = 0;
    private static final int PROT_READ_OR_WRITE = 3;
    private static final int MAP_PRIVATE = 2;
    private static final Pointer MAP_FAILED = Pointer.createConstant(-1L);

    /**
     * A multiple of all usual page sizes, 4, 16 and 64 KiB: offsets must be multiples of the page
     * size.
     */
    private static final int OFFSET_UNIT = 1 << 16;

    private static final @Nullable Calls CALLS = Calls.find();
    private static final Cleaner CLEANER = Cleaner.create();

    private final Calls calls;
    private final int descriptor;

    private record Calls(Function open, Function mmap, Function munmap, Function close) {

        static @Nullable Calls find() {
            try {
                if (Native.POINTER_SIZE != Long.BYTES
                        || !(Platform.isLinux() || Platform.isMac())) {
                    return null;
                }
                NativeLibrary libc = NativeLibrary.getProcess();
                String paths = System.getProperty("sun.jnu.encoding", "UTF-8");
                return new Calls(
                        libc.getFunction("open", Function.C_CONVENTION, paths),
                        libc.getFunction("mmap"),
                        libc.getFunction("munmap"),
                        libc.getFunction("close"));
            } catch (LinkageError e) {
                return null; // no JNA
            }
        }
    }

    private CopyOnWriteFile(Calls calls, int descriptor) {
        this.calls = calls;
        this.descriptor = descriptor;
    }

    /** Opens a file; returns null if {@code mmap} is not available or the file cannot be opened. */
    static @Nullable CopyOnWriteFile open(Path file) {
        Calls calls = CALLS;
        if (calls == null) {
            return null;
        }
        Object[] arguments = {file.toAbsolutePath().toString(), O_RDONLY};
        int descriptor = calls.open.invokeInt(arguments);
        return descriptor < 0 ? null : new CopyOnWriteFile(calls, descriptor);
    }

    /**
     * Maps a range of the file.
     *
     * @param position the first byte, within the file
     * @param count the number of bytes, at least 1
     * @return a writable buffer; null if the system refuses the mapping, as Linux does with {@code
     *     vm.overcommit_memory=2} if all writable mappings together exceed the memory
     */
    @Nullable ByteBuffer map(long position, int count) {
        int lead = (int) (position % OFFSET_UNIT);
        long length = (long) lead + count;
        Pointer memory =
                calls.mmap.invokePointer(
                        new Object[] {
                            Pointer.NULL,
                            length,
                            PROT_READ_OR_WRITE,
                            MAP_PRIVATE,
                            descriptor,
                            position - lead
                        });
        if (memory.equals(MAP_FAILED)) {
            return null;
        }
        ByteBuffer buffer = memory.getByteBuffer(lead, count);
        Function munmap = calls.munmap;
        CLEANER.register(buffer, () -> munmap.invokeInt(new Object[] {memory, length}));
        return buffer;
    }

    @Override
    public void close() {
        calls.close.invokeInt(new Object[] {descriptor});
    }
}
