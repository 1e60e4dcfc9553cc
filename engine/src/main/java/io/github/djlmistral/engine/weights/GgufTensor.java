/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/** A tensor of a GGUF file, memory-mapped; its type may be a quantized one. */
public final class GgufTensor {

    private final String name;
    private final GgmlType type;
    private final long[] shape;
    private final ByteBuffer data;
    private final FileState file;

    GgufTensor(String name, GgmlType type, long[] shape, ByteBuffer data, FileState file) {
        this.name = name;
        this.type = type;
        this.shape = shape.clone();
        this.data = data;
        this.file = file;
    }

    /** Returns the name that llama.cpp gives it, such as {@code blk.0.attn_q.weight}. */
    public String name() {
        return name;
    }

    /** Returns the type, which defines the layout of the bytes. */
    public GgmlType type() {
        return type;
    }

    /**
     * Returns a copy of the dimensions, outermost first as in PyTorch, (out, in); the file has the
     * innermost first.
     */
    public long[] shape() {
        return shape.clone();
    }

    /** Returns a little-endian view of the mapped blocks, row-major; may be read-only. */
    public ByteBuffer data() {
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Returns an unquantized tensor over the same bytes.
     *
     * @throws IllegalStateException if the type is quantized
     */
    public Tensor plain() {
        return new Tensor(name, type.dtype(), shape, data, file, null);
    }

    /** Compares name, type, shape and every byte. */
    @Override
    public boolean equals(Object other) {
        return other instanceof GgufTensor that
                && name.equals(that.name)
                && type == that.type
                && Arrays.equals(shape, that.shape)
                && data.equals(that.data);
    }

    /** Returns a hash of name, type and shape; the bytes may be gigabytes. */
    @Override
    public int hashCode() {
        return Objects.hash(name, type, Arrays.hashCode(shape));
    }

    /** Returns such as {@code Q4_K[4096, 4096]}. */
    @Override
    public String toString() {
        return type + Arrays.toString(shape);
    }
}
