/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory allocated with {@code malloc}. Unlike {@link ByteBuffer#allocateDirect}, it does not count
 * against {@code -XX:MaxDirectMemorySize}, which defaults to the heap size, and its owner frees it,
 * not the garbage collector.
 *
 * <p>Memory that is never freed explicitly is freed when the last buffer over it is unreachable.
 */
final class NativeMemory {

    private static final Logger LOGGER = LoggerFactory.getLogger(NativeMemory.class);

    /**
     * Size of a cache line and of the widest vectors: a misaligned vector load would cross two
     * lines.
     */
    private static final int ALIGNMENT = 64;

    /**
     * {@code malloc_trim} of glibc, which otherwise keeps freed memory; null with other C
     * libraries.
     */
    private static final @Nullable Function MALLOC_TRIM = mallocTrim();

    private final ByteBuffer buffer;

    /** Null if JNA is not available and the buffer is an ordinary direct buffer. */
    private final @Nullable Memory block;

    private volatile boolean freed;

    private NativeMemory(ByteBuffer buffer, @Nullable Memory block) {
        this.buffer = buffer;
        this.block = block;
    }

    /**
     * Allocates zeroed memory, aligned to 64 bytes.
     *
     * @param bytes the size in bytes, less than 2 GiB
     * @throws OutOfMemoryError if the allocation fails
     */
    static NativeMemory allocate(int bytes) {
        int padded = Math.addExact(bytes, ALIGNMENT);
        try {
            Memory block = new Memory(padded);
            block.clear();
            return new NativeMemory(aligned(block.getByteBuffer(0, padded), bytes), block);
        } catch (LinkageError e) {
            LOGGER.warn(
                    "JNA cannot be loaded, so weights that are converted on load count against"
                            + " -XX:MaxDirectMemorySize: {}",
                    e.toString());
            return new NativeMemory(aligned(ByteBuffer.allocateDirect(padded), bytes), null);
        }
    }

    private static ByteBuffer aligned(ByteBuffer memory, int bytes) {
        return memory.slice((ALIGNMENT - memory.alignmentOffset(0, ALIGNMENT)) % ALIGNMENT, bytes);
    }

    /** Returns the memory; it must not be used once it is freed. */
    ByteBuffer buffer() {
        return buffer;
    }

    boolean isFreed() {
        return freed;
    }

    /** Frees the memory; no buffer over it may be used afterwards. */
    void free() {
        freed = true;
        if (block != null) {
            block.close();
        }
    }

    /** Returns freed memory to the operating system. */
    static void trim() {
        if (MALLOC_TRIM != null) {
            MALLOC_TRIM.invokeInt(new Object[] {0L});
        }
    }

    private static @Nullable Function mallocTrim() {
        try {
            return NativeLibrary.getProcess().getFunction("malloc_trim");
        } catch (LinkageError e) {
            return null; // another C library, or no JNA
        }
    }
}
