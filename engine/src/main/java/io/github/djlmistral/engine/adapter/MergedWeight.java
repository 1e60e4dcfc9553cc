/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.adapter;

import io.github.djlmistral.engine.internal.quantization.Float16;
import io.github.djlmistral.engine.internal.quantization.FloatMatrix;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.stream.IntStream;

/** Computes {@code W + scale · B · A} in float32, and rounds it to a type. */
final class MergedWeight {

    private MergedWeight() {}

    /** A row of the weight; called by several threads at once. */
    @FunctionalInterface
    private interface Rows {
        void get(int row, float[] to);
    }

    /** See {@link Adapter#merged(Tensor)}. */
    static Tensor of(Adapter adapter, Tensor weight) {
        if (!isChanged(adapter, weight.name())) {
            return weight;
        }
        long[] shape = weight.shape();
        if (shape.length != 2) {
            throw new IllegalArgumentException(weight.name() + " is " + weight + ", not a matrix");
        }
        int columns = Math.toIntExact(shape[1]);
        return of(
                adapter,
                weight.name(),
                weight.dtype(),
                Math.toIntExact(shape[0]),
                columns,
                (row, to) -> FloatMatrix.read(weight, (long) row * columns, to));
    }

    /** See {@link Adapter#merged(String, QuantizedWeight, Dtype)}. */
    static Tensor of(Adapter adapter, String name, QuantizedWeight weight, Dtype dtype) {
        return of(adapter, name, dtype, weight.rows(), weight.columns(), weight::dequantizeRow);
    }

    private static boolean isChanged(Adapter adapter, String name) {
        return adapter.tensors().containsKey(name)
                || adapter.tensors().containsKey(module(name) + Adapter.A);
    }

    private static String module(String name) {
        return name.replaceFirst("\\.weight$", "");
    }

    private static Tensor of(
            Adapter adapter, String name, Dtype dtype, int rows, int columns, Rows weight) {
        Tensor whole = adapter.tensors().get(name);
        Tensor a = adapter.tensors().get(module(name) + Adapter.A);
        Tensor b = adapter.tensors().get(module(name) + Adapter.B);
        if (whole != null) {
            requireShape(whole, rows, columns);
        }
        if (a != null && b != null) {
            int rank = Math.toIntExact(a.shape()[0]);
            requireShape(a, rank, columns);
            requireShape(b, rows, rank);
        }
        float scale = (float) adapter.config().scale(module(name));
        Rows source =
                whole == null
                        ? weight
                        : (row, to) -> FloatMatrix.read(whole, (long) row * columns, to);
        Tensor merged = Tensor.allocate(name, dtype, rows, columns);
        IntStream.range(0, rows)
                .parallel()
                .forEach(
                        row -> {
                            float[] values = new float[columns];
                            source.get(row, values);
                            if (a != null && b != null) {
                                add(values, row, a, b, scale);
                            }
                            put(merged, row, values);
                        });
        return merged;
    }

    private static void requireShape(Tensor tensor, long rows, long columns) {
        long[] shape = tensor.shape();
        if (shape[0] != rows || shape[1] != columns) {
            throw new IllegalArgumentException(
                    "the adapter does not match the model: "
                            + tensor.name()
                            + " is "
                            + tensor
                            + " instead of ["
                            + rows
                            + ", "
                            + columns
                            + "]");
        }
    }

    /** Adds a row of scale · B · A. */
    private static void add(float[] values, int row, Tensor a, Tensor b, float scale) {
        int columns = values.length;
        float[] factors = new float[Math.toIntExact(a.shape()[0])];
        FloatMatrix.read(b, (long) row * factors.length, factors);
        FloatBuffer rows = a.data().asFloatBuffer();
        float[] sum = new float[columns];
        float[] part = new float[columns];
        for (float factor : factors) {
            rows.get(part);
            for (int c = 0; c < columns; ++c) {
                sum[c] += factor * part[c];
            }
        }
        for (int c = 0; c < columns; ++c) {
            values[c] += scale * sum[c];
        }
    }

    private static void put(Tensor to, int row, float[] values) {
        int bytes = to.dtype().bytes() * values.length;
        ByteBuffer target = to.data().slice(bytes * row, bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (to.dtype() == Dtype.FLOAT32) {
            target.asFloatBuffer().put(values);
            return;
        }
        ShortBuffer halves = target.asShortBuffer();
        for (float value : values) {
            halves.put(to.dtype() == Dtype.FLOAT16 ? Float16.of(value) : bfloat16(value));
        }
    }

    /** Rounds to the nearest bfloat16, ties to even. */
    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value)
                ? (short) (bits >>> 16 | 0x40)
                : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }
}
