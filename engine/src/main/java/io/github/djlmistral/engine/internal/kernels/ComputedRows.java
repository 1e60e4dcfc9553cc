/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.stream.IntStream;

/** The rows of a float32 matrix, computed in Java. */
@FunctionalInterface
interface ComputedRows {

    /** Maximum size of a block in elements, 4 MiB; a block has at least one row. */
    int BLOCK = 1 << 20;

    /** Computes one row; called by several threads at once. */
    void get(int row, float[] to);

    /**
     * Creates an array (rows, columns) on the manager's device, in blocks that the engine copies:
     * Java cannot write to device memory, and a buffer is limited to 2 GiB.
     */
    default NDArray toArray(NDManager manager, int rows, int columns) {
        boolean written = DjlEngine.of(manager).supportsIndexing();
        NDArray array = written ? manager.create(new Shape(rows, columns), DataType.FLOAT32) : null;
        NDList parts = new NDList();
        int height = Math.min(rows, Math.max(1, BLOCK / columns));
        Tensor block = Tensor.allocate("block", Dtype.FLOAT32, height, columns);
        try {
            for (int first = 0; first < rows; first += height) {
                int begin = first;
                int count = Math.min(height, rows - begin);
                ByteBuffer bytes = block.data().order(ByteOrder.nativeOrder());
                FloatBuffer numbers = bytes.asFloatBuffer();
                IntStream.range(0, count)
                        .parallel()
                        .forEach(
                                i -> {
                                    float[] row = new float[columns];
                                    get(begin + i, row);
                                    numbers.put(i * columns, row);
                                });
                bytes.limit(Float.BYTES * count * columns);
                NDArray part =
                        HostArray.of(
                                manager,
                                bytes.slice().order(ByteOrder.nativeOrder()),
                                new Shape(count, columns),
                                DataType.FLOAT32);
                if (array == null) {
                    parts.add(part);
                    continue;
                }
                try (part) {
                    array.set(new NDIndex().addSliceDim(begin, begin + count), part);
                }
            }
        } finally {
            block.free();
        }
        return array == null ? ReferenceKernels.joined(parts, 0) : array;
    }
}
