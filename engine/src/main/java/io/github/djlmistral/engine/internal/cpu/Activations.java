/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrayAdapter;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory for the float32 arrays between the operations of a forward pass, which is used again once
 * an array is closed. PyTorch takes about 10 microseconds to create an array, to return its address
 * and to free it, as long as a kernel takes for one token of a small network.
 */
public final class Activations {

    /** Memory beyond this size is freed: more than a prefill chunk of 512 tokens of Mistral 7B. */
    private static final long KEPT_BYTES = 256L << 20;

    /** PyTorch allocates larger arrays, which a {@link Tensor} cannot have. */
    private static final long LARGEST = 1L << 30;

    private final Map<Integer, Deque<Tensor>> unused = new HashMap<>();
    private long unusedBytes;

    /**
     * Creates an array with arbitrary elements.
     *
     * @param manager the manager of the array, on the CPU
     * @param shape its shape
     */
    public NDArray create(NDManager manager, Shape shape) {
        long bytes = shape.size() * Float.BYTES;
        return bytes == 0 || bytes > LARGEST
                ? manager.create(shape, DataType.FLOAT32)
                : new Activation(manager, shape, take(capacity((int) bytes)));
    }

    /**
     * Creates an array of the kind of another one, with arbitrary elements.
     *
     * @param x an array of {@link #create}, or of PyTorch
     * @param shape the shape of the result
     */
    public static NDArray like(NDArray x, Shape shape) {
        return x instanceof Activation activation
                ? activation.memory().create(x.getManager(), shape)
                : x.getManager().create(shape, DataType.FLOAT32);
    }

    /**
     * Returns the elements of a contiguous array of {@link #create} or of PyTorch, to write them.
     */
    public static FloatBuffer elements(NDArray array) {
        ByteBuffer bytes =
                array instanceof Activation activation
                        ? activation.elements()
                        : array.toByteBuffer(true).order(ByteOrder.nativeOrder());
        return bytes.asFloatBuffer();
    }

    /** Returns an array of PyTorch with the same elements, the array itself if it is one. */
    public static NDArray toTorch(NDArray array) {
        return array instanceof Activation ? array.reshape(array.getShape()) : array;
    }

    /** Rounds up to four sizes in each power of two: few sizes, a fifth of the memory unused. */
    private static int capacity(int bytes) {
        int step = Math.max(64, Integer.highestOneBit(bytes - 1 | 1) / 4);
        return (bytes + step - 1) / step * step;
    }

    private synchronized Tensor take(int capacity) {
        Deque<Tensor> same = unused.get(capacity);
        if (same == null || same.isEmpty()) {
            return Tensor.allocate("activations", Dtype.UINT8, capacity);
        }
        unusedBytes -= capacity;
        return same.pop();
    }

    private synchronized void release(Tensor memory) {
        int capacity = memory.data().capacity();
        if (unusedBytes + capacity > KEPT_BYTES) {
            memory.free();
        } else {
            unusedBytes += capacity;
            unused.computeIfAbsent(capacity, size -> new ArrayDeque<>()).push(memory);
        }
    }

    /**
     * An array that supports nothing but reading its elements and {@link #reshape}, which copies
     * them to an array of PyTorch. A view would refer to memory that is used again.
     */
    final class Activation extends NDArrayAdapter {

        private final Tensor bytes;
        private final long address;

        private Activation(NDManager manager, Shape shape, Tensor bytes) {
            super(manager, null, shape, DataType.FLOAT32, NDManager.nextUid());
            this.bytes = bytes;
            address = NativeLibrary.address(bytes.data());
            manager.attachInternal(getUid(), this);
        }

        Activations memory() {
            return Activations.this;
        }

        /** Returns the address of the first element. */
        long address() {
            return address;
        }

        private ByteBuffer elements() {
            int length = Math.toIntExact(getShape().size() * getDataType().getNumOfBytes());
            return bytes.data().slice(0, length).order(ByteOrder.nativeOrder());
        }

        /** Returns a copy. */
        @Override
        public ByteBuffer toByteBuffer(boolean tryDirect) {
            ByteBuffer from = elements();
            ByteBuffer copy = ByteBuffer.allocate(from.remaining()).order(ByteOrder.nativeOrder());
            return copy.put(from).rewind();
        }

        @Override
        public NDArray reshape(Shape wanted) {
            NDArray copy = getManager().create(getShape(), DataType.FLOAT32);
            // not set(..), after which PyTorch's array would refer to this memory
            copy.toByteBuffer(true).put(elements());
            NDArray result = copy.reshape(wanted);
            copy.close();
            return result;
        }

        @Override
        public void intern(NDArray replaced) {
            throw new UnsupportedOperationException("activations are computed by kernels only");
        }

        @Override
        public void attach(NDManager other) {
            getManager().detachInternal(getUid());
            manager = other;
            other.attachInternal(getUid(), this);
        }

        @Override
        public void detach() {
            throw new UnsupportedOperationException("activations belong to a forward pass");
        }

        @Override
        public synchronized void close() {
            if (!isClosed) {
                super.close();
                release(bytes);
            }
        }
    }
}
