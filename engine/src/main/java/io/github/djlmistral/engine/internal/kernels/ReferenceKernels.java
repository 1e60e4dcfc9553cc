/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Kernels of NDArray operations: the formulas, unfused, always in float32. They run on every DJL
 * engine, and tests compare other kernels to them.
 */
public final class ReferenceKernels implements Kernels {

    /** Maximum size of a block in elements, 4 MiB; a block has at least one row. */
    private static final int BLOCK = 1 << 20;

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public Dtype dtype() {
        return Dtype.FLOAT32;
    }

    @Override
    public Kernels training() {
        return this;
    }

    @Override
    public NDArray load(NDManager manager, Tensor tensor) {
        Shape shape = new Shape(tensor.shape());
        return switch (tensor.dtype()) {
            case FLOAT32 -> manager.create(tensor.data(), shape, DataType.FLOAT32);
            case FLOAT16 -> {
                try (NDArray half = manager.create(tensor.data(), shape, DataType.FLOAT16)) {
                    yield half.toType(DataType.FLOAT32, true);
                }
            }
            case BFLOAT16 -> widened(manager, tensor).reshape(shape);
            default -> throw new IllegalArgumentException(tensor + " is not a floating-point one");
        };
    }

    /** Widens bfloat16, which is the upper half of a float32. */
    private static NDArray widened(NDManager manager, Tensor tensor) {
        int elements = (int) tensor.elements();
        long[] shape = tensor.shape();
        int columns = shape.length == 0 ? 1 : (int) Math.max(1, shape[shape.length - 1]);
        ShortBuffer halves = tensor.data().asShortBuffer();
        return matrix(
                manager,
                elements / columns,
                columns,
                (row, to) -> {
                    for (int c = 0; c < columns; ++c) {
                        to[c] = Float.intBitsToFloat(halves.get(row * columns + c) << 16);
                    }
                });
    }

    /** Computes one row; called by several threads at once. */
    @FunctionalInterface
    private interface Rows {

        void get(int row, float[] to);
    }

    /**
     * Creates an array (rows, columns) on the manager's device, in blocks that the engine copies:
     * Java cannot write to device memory, and a buffer is limited to 2 GiB.
     */
    private static NDArray matrix(NDManager manager, int rows, int columns, Rows source) {
        NDArray array = manager.create(new Shape(rows, columns), DataType.FLOAT32);
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
                                    source.get(begin + i, row);
                                    numbers.put(i * columns, row);
                                });
                bytes.limit(Float.BYTES * count * columns);
                try (NDArray part =
                        manager.create(bytes, new Shape(count, columns), DataType.FLOAT32)) {
                    array.set(new NDIndex().addSliceDim(begin, begin + count), part);
                }
            }
        } finally {
            block.free();
        }
        return array;
    }

    @Override
    public NDArray zeros(NDManager manager, Shape shape) {
        return manager.zeros(shape);
    }

    @Override
    public NDArray toFloat32(NDArray x) {
        return x;
    }

    @Override
    public NDArray embedding(NDArray ids, NDArray weight) {
        Shape shape = ids.getShape();
        NDArray rows = weight.get(ids.flatten());
        rows.attach(ids.getManager());
        return rows.reshape(shape.add(weight.getShape().get(1)));
    }

    @Override
    public NDArray linear(NDArray x, NDArray weight) {
        try (NDArray transposed = weight.transpose()) {
            return x.matMul(transposed);
        }
    }

    @Override
    public QuantizedLinear quantized(NDManager manager, QuantizedWeight weight) {
        return x -> {
            try (NDArray whole =
                    matrix(
                            x.getManager(),
                            weight.rows(),
                            weight.columns(),
                            weight::dequantizeRow)) {
                return linear(x, whole);
            }
        };
    }

    @Override
    public NDArray embedding(NDArray ids, QuantizedWeight weight) {
        int[] wanted = Arrays.stream(ids.toLongArray()).mapToInt(Math::toIntExact).toArray();
        NDArray rows =
                matrix(
                        ids.getManager(),
                        wanted.length,
                        weight.columns(),
                        (i, to) -> weight.dequantizeRow(wanted[i], to));
        return rows.reshape(ids.getShape().add(weight.columns()));
    }

    @Override
    public NDArray rmsNorm(NDArray x, NDArray weight, float eps) {
        NDArray mean = x.square().mean(new int[] {-1}, true);
        return x.div(mean.add(eps).sqrt()).mul(weight);
    }

    @Override
    public NDArray swiGlu(NDArray gate, NDArray up) {
        return Activation.sigmoid(gate).mul(gate).mul(up);
    }

    @Override
    public NDList rotaryTables(NDArray positions, NDArray inverseFrequencies) {
        NDArray angles =
                positions.toType(DataType.FLOAT32, false).expandDims(-1).mul(inverseFrequencies);
        NDArray both = angles.concat(angles, -1).expandDims(1);
        return new NDList(both.cos(), both.sin());
    }

    @Override
    public NDList rotary(
            NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache) {
        long size = tables.get(0).getShape().get(3);
        NDArray key = rotate(heads(k, size), tables);
        NDArray value = heads(v, size);
        if (cache != null) {
            long[] slots = cache.slots().toLongArray();
            long first = key.getShape().get(2) - slots.length;
            for (int i = 0; i < slots.length; ++i) {
                NDIndex slot = token(slots[i]);
                cache.keys().set(slot, key.get(token(first + i)));
                cache.values().set(slot, value.get(token(first + i)));
            }
        }
        return new NDList(rotate(heads(q, size), tables), key, value);
    }

    private static NDIndex token(long index) {
        return new NDIndex().addAllDim(2).addSliceDim(index, index + 1).addAllDim();
    }

    /** Reshapes (B, T, n·D) to (B, n, T, D). */
    private static NDArray heads(NDArray x, long size) {
        Shape shape = x.getShape();
        return x.reshape(shape.get(0), shape.get(1), -1, size).transpose(0, 2, 1, 3);
    }

    /** {@code x·cos + [-second half, first half]·sin}. */
    private static NDArray rotate(NDArray x, NDList tables) {
        NDList halves = x.split(2, 3);
        NDArray turned = halves.get(1).neg().concat(halves.get(0), -1);
        return x.mul(tables.get(0)).add(turned.mul(tables.get(1)));
    }

    @Override
    public NDArray attention(NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window) {
        int queries = (int) q.getShape().get(2);
        int keys = (int) k.getShape().get(2);
        NDArray rule =
                mask != null
                        ? mask
                        : AttentionMask.additive(
                                q.getManager(),
                                1,
                                keys - queries,
                                queries,
                                IntStream.range(0, keys).toArray(),
                                window,
                                null);
        Shape shape = q.getShape();
        NDArray out = attentionWeights(q, k, rule).matMul(expand(v, shape.get(1)));
        return out.transpose(0, 2, 1, 3).reshape(shape.get(0), queries, -1);
    }

    @Override
    public NDArray attentionWeights(NDArray q, NDArray k, NDArray mask) {
        // an array, not a Number: autograd keeps the divisor for the backward pass
        NDArray scale = q.getManager().create((float) Math.sqrt((double) q.getShape().get(3)));
        NDArray scores = q.matMul(expand(k, q.getShape().get(1)).transpose(0, 1, 3, 2)).div(scale);
        return scores.add(mask).softmax(-1);
    }

    /** Repeats each key/value head H/G times: (B, G, K, D) to (B, H, K, D). */
    private static NDArray expand(NDArray x, long heads) {
        long groups = x.getShape().get(1);
        return heads == groups ? x : x.repeat(1, heads / groups);
    }
}
