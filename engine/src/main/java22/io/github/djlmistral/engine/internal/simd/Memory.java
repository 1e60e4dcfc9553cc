/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/**
 * Native memory by absolute address. One segment spans the whole address space: with a segment for
 * each array the compiler checks every access against the bounds of that array, and the kernels
 * exceed its limits. So kernels compute every address from shapes, which are checked when a decoder
 * is created.
 */
final class Memory {

    /** From address 0 to the end. */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** The byte order of files and of all supported processors. */
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Memory() {}

    /** Returns the address of the first element of an array that is contiguous and on the CPU. */
    static long address(NDArray array) {
        if (array.size() <= Integer.MAX_VALUE / Float.BYTES) {
            return MemorySegment.ofBuffer(array.toByteBuffer(true)).address();
        }
        // a ByteBuffer is limited to 2 GiB; a view of the first element has the same address
        try (NDArray flat = array.reshape(-1);
                NDArray first = JniUtils.slice((PtNDArray) flat, 0, 0, 1, 1)) {
            return MemorySegment.ofBuffer(first.toByteBuffer(true)).address();
        }
    }

    /** Returns the address of the first element of a tensor. */
    static long address(Tensor tensor) {
        return MemorySegment.ofBuffer(tensor.data()).address();
    }
}
