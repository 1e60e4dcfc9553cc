/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The elements of an NDArray as a tensor, to be written to a file. */
public final class ArrayTensor {

    private ArrayTensor() {}

    /**
     * Returns the tensor of an array, whose memory it shares where the engine allows that: it is
     * valid while the array is.
     *
     * @param name the name of the tensor
     * @param dtype the type of its elements, which are as wide as those of the array
     * @param array the array
     * @return the tensor; to be freed if the elements were copied
     */
    public static Tensor of(String name, Dtype dtype, NDArray array) {
        long[] shape = array.getShape().getShape();
        ByteBuffer bytes = array.toByteBuffer(true).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.isDirect()) {
            return new Tensor(name, dtype, shape, bytes);
        }
        // some engines copy arrays to the heap, where a tensor cannot be
        Tensor copy = Tensor.allocate(name, dtype, shape);
        copy.data().put(bytes);
        return copy;
    }
}
