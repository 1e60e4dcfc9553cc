/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One tensor of a checkpoint. Its bytes stay where they are: mapped from the file, usually, so that
 * it costs no memory until it is read.
 *
 * @param name such as {@code model.layers.0.self_attn.q_proj.weight}
 * @param dtype the type of the elements
 * @param shape the dimensions, outermost first, as in PyTorch: a linear layer's weight is [out,
 *     in]. Empty for a scalar
 * @param data the elements, row by row, little-endian: a direct buffer that holds exactly this
 *     tensor and begins at position 0, which is also the address that native code sees. May be
 *     {@linkplain ByteBuffer#isReadOnly() read-only}, see {@link Safetensors#read}
 * @param file the file that they are mapped from; null for others
 * @param memory what {@link #free} frees; null for memory that is not this tensor's
 */
// Both copies below keep the array to ourselves, which is what Error Prone's warning is about.
@SuppressWarnings("ArrayRecordComponent")
public record Tensor(
        String name,
        Dtype dtype,
        long[] shape,
        ByteBuffer data,
        @Nullable FileState file,
        @Nullable NativeMemory memory) {

    /**
     * Takes the bytes between position and limit of {@code data}, without copying them.
     *
     * @throws IllegalArgumentException if {@code data} is not direct or has not exactly the bytes
     *     that dtype and shape ask for, or if a dimension is negative
     */
    public Tensor {
        shape = shape.clone();
        long bytes;
        try {
            bytes = bytes(dtype, shape);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(name + ": too large, " + describe(dtype, shape), e);
        }
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0)) {
            throw new IllegalArgumentException(
                    name + ": negative dimension in " + describe(dtype, shape));
        }
        if (data.remaining() != bytes) {
            throw new IllegalArgumentException(
                    String.format(
                            "%s: %s takes %d bytes, not %d",
                            name, describe(dtype, shape), bytes, data.remaining()));
        }
        if (!data.isDirect()) {
            throw new IllegalArgumentException(
                    name + ": native code reads the bytes in place, so the buffer must be direct");
        }
        // A slice, because JNI's GetDirectBufferAddress looks at the address, not at the position.
        data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Takes the bytes, as above, of memory that the garbage collector frees. */
    public Tensor(String name, Dtype dtype, long[] shape, ByteBuffer data) {
        this(name, dtype, shape, data, null, null);
    }

    /**
     * Allocates a tensor of zeros outside the Java heap, independently of {@code
     * -XX:MaxDirectMemorySize}. Its owner frees it with {@link #free}; else the garbage collector
     * does, which does not know how large it is.
     *
     * @param name its name
     * @param dtype the type of the elements
     * @param shape the dimensions
     * @return a tensor whose memory begins at a multiple of 64 bytes
     * @throws ArithmeticException if it would have 2 GiB or more
     */
    public static Tensor allocate(String name, Dtype dtype, long... shape) {
        NativeMemory memory = NativeMemory.allocate(Math.toIntExact(bytes(dtype, shape)));
        return new Tensor(name, dtype, shape, memory.buffer(), null, memory);
    }

    /**
     * Frees the memory of an allocated tensor; does nothing for others. From then on neither this
     * tensor, nor one of the same bytes, nor a buffer or array over them may be used: {@link #data}
     * throws, but native code that has the address crashes.
     */
    public void free() {
        if (memory != null) {
            memory.free();
        }
    }

    /** [4096, 4096] of F16: 4096 * 4096 * 2. Throws ArithmeticException beyond 64 bits. */
    static long bytes(Dtype dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long dimension : shape) {
            bytes = Math.multiplyExact(bytes, dimension);
        }
        return bytes;
    }

    /**
     * Returns the dimensions.
     *
     * @return a copy: changing it changes nothing here
     */
    @Override
    public long[] shape() {
        return shape.clone();
    }

    /**
     * Returns the elements.
     *
     * @return a view with its own position, over the same bytes; it keeps the mapping alive
     * @throws IllegalStateException if the memory was freed
     */
    @Override
    public ByteBuffer data() {
        if (memory != null && memory.isFreed()) {
            throw new IllegalStateException(
                    name + ": the memory was freed, the model of these weights is closed");
        }
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Returns the number of elements.
     *
     * @return the product of the dimensions, 1 for a scalar
     */
    public long elements() {
        return data.capacity() / dtype.bytes();
    }

    /**
     * Returns this tensor under another name.
     *
     * @param other the name to have
     * @return a tensor over the same bytes
     */
    public Tensor renamed(String other) {
        return new Tensor(other, dtype, shape, data, file, memory);
    }

    /**
     * Compares name, type, shape and every byte; so NaN equals NaN, and 0.0 is not -0.0.
     *
     * @param other what to compare with
     * @return whether everything is equal
     */
    @Override
    public boolean equals(Object other) {
        return other instanceof Tensor that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && data.equals(that.data);
    }

    /**
     * Leaves the bytes out: there may be gigabytes.
     *
     * @return a hash of name, type and shape
     */
    @Override
    public int hashCode() {
        return Objects.hash(name, dtype, Arrays.hashCode(shape));
    }

    /**
     * Returns type and shape for messages.
     *
     * @return such as {@code F16[4096, 4096]}
     */
    @Override
    public String toString() {
        return describe(dtype, shape);
    }

    private static String describe(Dtype dtype, long... shape) {
        return dtype.safetensorsName() + Arrays.toString(shape);
    }
}
