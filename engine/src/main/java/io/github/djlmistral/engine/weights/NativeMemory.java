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
 * Memory of the C allocator. Unlike {@link ByteBuffer#allocateDirect} it does not count against
 * {@code -XX:MaxDirectMemorySize}, which is the heap's size by default and says nothing about the
 * memory there is, and it is freed when its owner says so, not at some garbage collection.
 *
 * <p>Memory that is never closed is freed when the last buffer over it is unreachable.
 */
final class NativeMemory {

    private static final Logger LOGGER = LoggerFactory.getLogger(NativeMemory.class);

    /** Vectors and cache lines begin at multiples of this; half of all loads would straddle two. */
    private static final int ALIGNMENT = 64;

    /** Of glibc; it keeps what is freed, in gaps between what is not, unless it is called. */
    private static final @Nullable Function MALLOC_TRIM = mallocTrim();

    private final ByteBuffer buffer;

    /** Null where JNA does not work and the buffer is the garbage collector's. */
    private final @Nullable Memory block;

    private volatile boolean freed;

    private NativeMemory(ByteBuffer buffer, @Nullable Memory block) {
        this.buffer = buffer;
        this.block = block;
    }

    /**
     * Allocates zeros, aligned to 64 bytes.
     *
     * @param bytes how many, less than 2 GiB
     * @throws OutOfMemoryError if the system refuses
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

    /** The bytes; not to be used once they are freed. */
    ByteBuffer buffer() {
        return buffer;
    }

    boolean isFreed() {
        return freed;
    }

    /** Frees the memory; from now on no buffer over it may be used. */
    void free() {
        freed = true;
        if (block != null) {
            block.close();
        }
    }

    /** Returns memory that was freed to the system, where the allocator would keep it. */
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
