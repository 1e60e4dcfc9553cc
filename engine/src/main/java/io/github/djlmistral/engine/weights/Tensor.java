/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A named tensor of a checkpoint: data type, shape and bytes. The bytes are usually memory-mapped
 * from a file, so that they take no memory until they are read.
 *
 * <p>Name, type and shape are immutable. The bytes are shared, not copied.
 */
public final class Tensor {

    private final String name;
    private final Dtype dtype;
    private final long[] shape;
    private final ByteBuffer data;

    /** The file that the bytes are mapped from; null if they are not mapped. */
    private final @Nullable FileState file;

    /** The memory that {@link #free} frees; null if the tensor does not own its memory. */
    private final @Nullable NativeMemory memory;

    /**
     * Creates a tensor over the bytes between position and limit of a buffer, without copying them.
     *
     * @param name the name, such as {@code model.layers.0.self_attn.q_proj.weight}
     * @param dtype the data type of the elements
     * @param shape the dimensions, outermost first, as in PyTorch: the weight of a linear layer is
     *     (out, in). Empty for a scalar
     * @param data the elements, row-major, little-endian, in a direct buffer; may be {@linkplain
     *     ByteBuffer#isReadOnly() read-only}, see {@link Safetensors#read}
     * @throws IllegalArgumentException if {@code data} is not direct or does not have exactly the
     *     bytes of type and shape, or if a dimension is negative
     */
    public Tensor(String name, Dtype dtype, long[] shape, ByteBuffer data) {
        this(name, dtype, shape, data, null, null);
    }

    Tensor(
            String name,
            Dtype dtype,
            long[] shape,
            ByteBuffer data,
            @Nullable FileState file,
            @Nullable NativeMemory memory) {
        this.name = name;
        this.dtype = dtype;
        this.shape = shape.clone();
        this.file = file;
        this.memory = memory;
        long bytes;
        try {
            bytes = bytes(dtype, shape);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(name + ": too large, " + this, e);
        }
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0)) {
            throw new IllegalArgumentException(name + ": negative dimension in " + this);
        }
        if (data.remaining() != bytes) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s: %s takes %d bytes, not %d",
                            name,
                            this,
                            bytes,
                            data.remaining()));
        }
        if (!data.isDirect()) {
            throw new IllegalArgumentException(
                    name + ": native code reads the bytes in place, so the buffer must be direct");
        }
        // a slice, because JNI's GetDirectBufferAddress ignores the position
        this.data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Allocates a tensor of zeros outside the Java heap, independently of {@code
     * -XX:MaxDirectMemorySize}. Free it with {@link #free}; otherwise its memory is released some
     * time after it becomes unreachable.
     *
     * @param name the name
     * @param dtype the data type of the elements
     * @param shape the dimensions
     * @return the tensor, aligned to 64 bytes
     * @throws ArithmeticException if its size is 2 GiB or more
     */
    public static Tensor allocate(String name, Dtype dtype, long... shape) {
        NativeMemory memory = NativeMemory.allocate(Math.toIntExact(bytes(dtype, shape)));
        return new Tensor(name, dtype, shape, memory.buffer(), null, memory);
    }

    /**
     * Frees the memory of an allocated tensor; does nothing for others. Afterwards neither this
     * tensor, nor one of the same bytes, nor a buffer or array over them may be used: {@link #data}
     * throws, but native code that has the address crashes.
     */
    public void free() {
        if (memory != null) {
            memory.free();
        }
    }

    /**
     * Frees the memory of many tensors and returns it to the operating system.
     *
     * @param tensors the tensors to free, as {@link #free} does
     * @param used tensors whose memory is not freed, even if it is shared with one of {@code
     *     tensors}
     */
    public static void free(Stream<Tensor> tensors, Stream<Tensor> used) {
        Set<NativeMemory> kept = Collections.newSetFromMap(new IdentityHashMap<>());
        used.map(tensor -> tensor.memory).filter(Objects::nonNull).forEach(kept::add);
        tensors.filter(tensor -> !kept.contains(tensor.memory)).forEach(Tensor::free);
        NativeMemory.trim();
    }

    /** [4096, 4096] of F16: 4096 * 4096 * 2. Throws ArithmeticException beyond 64 bits. */
    static long bytes(Dtype dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long dimension : shape) {
            bytes = Math.multiplyExact(bytes, dimension);
        }
        return bytes;
    }

    /** Returns the name. */
    public String name() {
        return name;
    }

    /** Returns the data type of the elements. */
    public Dtype dtype() {
        return dtype;
    }

    /** Returns a copy of the dimensions, outermost first; empty for a scalar. */
    public long[] shape() {
        return shape.clone();
    }

    /**
     * Returns the elements, row-major, little-endian.
     *
     * @return a direct buffer over the same bytes, with a position of its own that begins at 0. It
     *     keeps the mapping alive
     * @throws IllegalStateException if the memory was freed
     */
    public ByteBuffer data() {
        if (memory != null && memory.isFreed()) {
            throw new IllegalStateException(
                    name + ": the memory was freed, the model of these weights is closed");
        }
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Nullable FileState file() {
        return file;
    }

    /** Returns the number of elements, 1 for a scalar. */
    public long elements() {
        return data.capacity() / dtype.bytes();
    }

    /**
     * Returns this tensor under another name.
     *
     * @param other the new name
     * @return a tensor over the same bytes
     */
    public Tensor renamed(String other) {
        return new Tensor(other, dtype, shape, data, file, memory);
    }

    /**
     * Compares name, type, shape and every byte: NaN equals NaN, and 0.0 does not equal -0.0.
     *
     * @param other the object to compare with
     * @return whether all are equal
     */
    @Override
    public boolean equals(Object other) {
        return other instanceof Tensor that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && data.equals(that.data);
    }

    /** Returns a hash of name, type and shape; the bytes may be gigabytes. */
    @Override
    public int hashCode() {
        return Objects.hash(name, dtype, Arrays.hashCode(shape));
    }

    /** Returns type and shape, such as {@code F16[4096, 4096]}. */
    @Override
    public String toString() {
        return dtype.safetensorsName() + Arrays.toString(shape);
    }
}
