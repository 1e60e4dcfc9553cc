/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * One tensor of a GGUF file, as its bytes are there.
 *
 * @param name as llama.cpp names it, such as {@code blk.0.attn_q.weight}
 * @param type how the bytes are to be read
 * @param shape the dimensions, outermost first, as in PyTorch: [out, in]; the file itself has the
 *     innermost first
 * @param data the mapped blocks, row by row, little-endian; may be read-only
 * @param file the file they are mapped from
 */
// Both copies below keep the array to ourselves, which is what Error Prone's warning is about.
@SuppressWarnings("ArrayRecordComponent")
public record GgufTensor(
        String name, GgmlType type, long[] shape, ByteBuffer data, FileState file) {

    /** Takes a tensor whose bytes are those that type and shape ask for. */
    public GgufTensor {
        shape = shape.clone();
    }

    /** Returns a copy of the dimensions. */
    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Returns a view of the bytes with its own position. */
    @Override
    public ByteBuffer data() {
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Returns a tensor of numbers that stand for themselves, over the same bytes.
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

    /** Leaves the bytes out: there may be gigabytes. */
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
