/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static jdk.incubator.vector.VectorOperators.ADD;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.weights.Dtype;
import jdk.incubator.vector.FloatVector;

/** Product of an unquantized weight, row by row, with float32 inputs. */
final class DenseMatrix extends Matrix {

    private final Dtype dtype;
    private final long address;

    DenseMatrix(NDArray array, Dtype dtype) {
        super((int) array.getShape().get(0), (int) array.getShape().get(1));
        this.dtype = dtype;
        address = Memory.address(array);
    }

    private long row(int row) {
        return address + (long) row * columns * dtype.bytes();
    }

    @Override
    void row(int row, float[] out, int at) {
        for (int i = 0; i < columns; i += Lanes.COUNT) {
            Lanes.load(dtype, row(row) + (long) i * dtype.bytes()).intoArray(out, at + i);
        }
    }

    @Override
    void multiply(Input input, int tokens, int from, int to, float[] out, int stride, int shift) {
        for (int row = from; row < to; ++row) {
            for (int t = 0; t < tokens; ++t) {
                int x = t * input.stride;
                out[t * stride + row - shift] =
                        switch (dtype) {
                            case FLOAT32 -> float32(row(row), input.values, x, columns);
                            case BFLOAT16 -> bfloat16(row(row), input.values, x, columns);
                            default -> float16(row(row), input.values, x, columns);
                        };
            }
        }
    }

    private static float float32(long row, float[] x, int from, int columns) {
        FloatVector a = Lanes.broadcast(0);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * Lanes.COUNT <= columns; i += 2 * Lanes.COUNT) {
            a = Lanes.float32(row + 4L * i).fma(at(x, from + i), a);
            b = Lanes.float32(row + 4L * (i + Lanes.COUNT)).fma(at(x, from + i + Lanes.COUNT), b);
        }
        if (i < columns) {
            a = Lanes.float32(row + 4L * i).fma(at(x, from + i), a);
        }
        return a.add(b).reduceLanes(ADD);
    }

    private static float bfloat16(long row, float[] x, int from, int columns) {
        FloatVector a = Lanes.broadcast(0);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * Lanes.COUNT <= columns; i += 2 * Lanes.COUNT) {
            a = Lanes.bfloat16(row + 2L * i).fma(at(x, from + i), a);
            b = Lanes.bfloat16(row + 2L * (i + Lanes.COUNT)).fma(at(x, from + i + Lanes.COUNT), b);
        }
        if (i < columns) {
            a = Lanes.bfloat16(row + 2L * i).fma(at(x, from + i), a);
        }
        return a.add(b).reduceLanes(ADD);
    }

    private static float float16(long row, float[] x, int from, int columns) {
        FloatVector a = Lanes.broadcast(0);
        for (int i = 0; i < columns; i += Lanes.COUNT) {
            a = Lanes.smallFloat16(row + 2L * i).mul(Lanes.REBIAS).fma(at(x, from + i), a);
        }
        return a.reduceLanes(ADD);
    }

    private static FloatVector at(float[] x, int i) {
        return FloatVector.fromArray(Lanes.FLOATS, x, i);
    }
}
