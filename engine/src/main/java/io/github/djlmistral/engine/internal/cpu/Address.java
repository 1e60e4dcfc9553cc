/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.quantization.GroupedWeight;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Addresses of arrays for the kernels, which check nothing: here the size of an array is checked.
 */
public final class Address {

    private Address() {}

    /**
     * Returns the address of a float32 array on the CPU.
     *
     * @param array the array; if it is not contiguous, a contiguous copy
     * @param elements the number of elements that kernels access
     * @throws IllegalArgumentException if the array has another type or number of elements
     */
    public static long ofFloats(NDArray array, long elements) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "the native kernels need float32, not " + array.getDataType());
        }
        return of(array, elements);
    }

    /**
     * Returns the address of an array of any type on the CPU.
     *
     * @param array as above
     * @param elements as above
     * @throws IllegalArgumentException if the array has another number of elements, or is on a GPU
     */
    public static long of(NDArray array, long elements) {
        if (array.size() != elements || array.getDevice().isGpu()) {
            throw new IllegalArgumentException(
                    "the native kernels need "
                            + elements
                            + " elements on the CPU, not "
                            + array.getShape()
                            + " on "
                            + array.getDevice());
        }
        if (array instanceof Activations.Activation activation) {
            return AddressChecks.passing(activation.address(), Float.BYTES * elements);
        }
        if (elements <= Integer.MAX_VALUE / Float.BYTES) {
            ByteBuffer data = array.toByteBuffer(true);
            return AddressChecks.passing(NativeLibrary.address(data), data.remaining());
        }
        // a ByteBuffer is limited to 2 GiB; a view of the first element has the same address
        try (NDArray flat = array.reshape(-1);
                NDArray first = JniUtils.slice((PtNDArray) flat, 0, 0, 1, 1)) {
            ByteBuffer data = first.toByteBuffer(true);
            return AddressChecks.passing(NativeLibrary.address(data), data.remaining() * elements);
        }
    }

    /**
     * Returns the address of a tensor.
     *
     * @param tensor the tensor
     * @param bytes the number of bytes that kernels access
     * @throws IllegalArgumentException if the tensor has another size
     */
    public static long of(Tensor tensor, long bytes) {
        ByteBuffer data = tensor.data();
        if (data.remaining() != bytes) {
            throw new IllegalArgumentException(tensor + " does not have " + bytes + " bytes");
        }
        return AddressChecks.kept(data, bytes);
    }

    /** Returns the address of the scales or offsets of a weight, 0 if there are none. */
    static long of(GroupedWeight weight, @Nullable Tensor factors) {
        return factors == null
                ? 0
                : of(
                        factors,
                        Factors.bytes(
                                factors.dtype(),
                                Matrix.tiles(weight),
                                weight.columns(),
                                weight.groupSize()));
    }
}
