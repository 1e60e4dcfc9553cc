/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/**
 * Memory outside the heap by its addresses. One segment that spans everything stands for all of it:
 * with a segment for each array the compiler checks each access against that array's bounds and
 * gives up before the kernels are compiled whole. Kernels derive every address from shapes that are
 * checked when a decoder is made.
 */
final class Memory {

    /** From address 0 to the end. */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** The order of the numbers in files and, on every processor that is supported, in memory. */
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Memory() {}

    /** The address of an array's first element; the array must be contiguous, and on the CPU. */
    static long address(NDArray array) {
        if (array.size() <= Integer.MAX_VALUE / Float.BYTES) {
            return MemorySegment.ofBuffer(array.toByteBuffer(true)).address();
        }
        // a ByteBuffer ends at 2 GiB; a view of the first element begins at the same address
        try (NDArray flat = array.reshape(-1);
                NDArray first = JniUtils.slice((PtNDArray) flat, 0, 0, 1, 1)) {
            return MemorySegment.ofBuffer(first.toByteBuffer(true)).address();
        }
    }

    /** The address of a tensor's first element. */
    static long address(Tensor tensor) {
        return MemorySegment.ofBuffer(tensor.data()).address();
    }
}
