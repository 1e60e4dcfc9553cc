/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.lang.ref.Reference;
import java.nio.Buffer;
import java.nio.ByteBuffer;

/**
 * Creates NDArrays from Java's memory. {@code NDManager.create(long[])} copies through a direct
 * buffer, and DJL's MXNet engine gives only the address of that buffer to native code: a garbage
 * collection in between frees the memory, and the array begins with other bytes. Here the buffer
 * stays reachable until it is copied.
 */
public final class HostArray {

    private HostArray() {}

    /**
     * Creates an array.
     *
     * @param manager the manager of the result
     * @param values the elements
     * @param shape the shape, whose size is the number of values
     * @return int64 of the given shape
     */
    public static NDArray of(NDManager manager, long[] values, Shape shape) {
        ByteBuffer bytes = manager.allocateDirect(Math.multiplyExact(values.length, Long.BYTES));
        bytes.asLongBuffer().put(values);
        return of(manager, bytes, shape, DataType.INT64);
    }

    /** Creates an int64 array of one dimension, see {@link #of(NDManager, long[], Shape)}. */
    public static NDArray of(NDManager manager, long... values) {
        return of(manager, values, new Shape(values.length));
    }

    /**
     * Creates an array.
     *
     * @param manager the manager of the result
     * @param values the elements
     * @param shape the shape, whose size is the number of values
     * @return float32 of the given shape
     */
    public static NDArray of(NDManager manager, float[] values, Shape shape) {
        ByteBuffer bytes = manager.allocateDirect(Math.multiplyExact(values.length, Float.BYTES));
        bytes.asFloatBuffer().put(values);
        return of(manager, bytes, shape, DataType.FLOAT32);
    }

    /**
     * Creates an array.
     *
     * @param manager the manager of the result
     * @param direct the bytes of the elements, in native order; engines of shared memory keep it
     * @param shape the shape
     * @param type the data type of the elements
     * @return an array of the given shape and type
     */
    public static NDArray of(NDManager manager, Buffer direct, Shape shape, DataType type) {
        try {
            return manager.create(direct, shape, type);
        } finally {
            Reference.reachabilityFence(direct);
        }
    }
}
