/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Product of {@link BitsandbytesWeight} with float32 inputs. A byte holds the codes of two adjacent
 * columns, so even and odd inputs are separated. The codebook fits into a vector of 16 lanes; with
 * shorter vectors, codes are looked up one at a time.
 */
final class BitsandbytesMatrix extends Matrix {

    private final int block;
    private final float[] table;
    private final long codes;
    private final long absmax;

    BitsandbytesMatrix(BitsandbytesWeight weight) {
        super(weight);
        block = weight.blockSize();
        table = weight.table();
        codes = Memory.address(weight.codes());
        absmax = Memory.address(weight.absmax());
        if (columns % block != 0) {
            throw new UnsupportedOperationException(
                    "blocks of " + block + " do not end with rows of " + columns);
        }
    }

    @Override
    void multiply(Input input, int tokens, int from, int to, float[] out, int stride, int shift) {
        float[] halves = input.deinterleaved(tokens);
        for (int row = from; row < to; ++row) {
            long first = (long) row * columns;
            for (int t = 0; t < tokens; ++t) {
                int x = t * columns;
                out[t * stride + row - shift] =
                        Lanes.COUNT == 16 && block % 32 == 0
                                ? product(
                                        codes + first / 2, absmax + 4 * (first / block), halves, x)
                                : slowly(
                                        codes + first / 2, absmax + 4 * (first / block), halves, x);
            }
        }
    }

    /**
     * Computes an output; the even inputs of the token are in {@code halves} from x on, then the
     * odd ones.
     */
    private float product(long bytes, long factors, float[] halves, int x) {
        IntVector numbers = FloatVector.fromArray(Lanes.FLOATS, table, 0).reinterpretAsInts();
        FloatVector y = Lanes.broadcast(0);
        int odd = columns / 2;
        for (int j = x; j < x + columns / 2; factors += 4) {
            FloatVector sum = Lanes.broadcast(0);
            for (int end = j + block / 2; j < end; j += Lanes.COUNT, bytes += Lanes.COUNT) {
                IntVector both =
                        (IntVector)
                                ByteVector.fromMemorySegment(
                                                Lanes.BYTES, Memory.ALL, bytes, Memory.ORDER)
                                        .convertShape(ZERO_EXTEND_B2I, Lanes.INTS, 0);
                FloatVector a = both.lanewise(LSHR, 4).selectFrom(numbers).reinterpretAsFloats();
                FloatVector b = both.and(15).selectFrom(numbers).reinterpretAsFloats();
                sum = a.fma(FloatVector.fromArray(Lanes.FLOATS, halves, j), sum);
                sum = b.fma(FloatVector.fromArray(Lanes.FLOATS, halves, j + odd), sum);
            }
            y = sum.fma(Lanes.broadcast(Memory.ALL.get(Lanes.FLOAT, factors)), y);
        }
        return y.reduceLanes(ADD);
    }

    private float slowly(long bytes, long factors, float[] halves, int x) {
        float y = 0;
        int odd = columns / 2;
        for (int j = x; j < x + columns / 2; factors += 4) {
            float sum = 0;
            for (int end = j + block / 2; j < end; ++j, ++bytes) {
                int both = Memory.ALL.get(Lanes.BYTE, bytes);
                sum += table[both >> 4 & 15] * halves[j] + table[both & 15] * halves[j + odd];
            }
            y += sum * Memory.ALL.get(Lanes.FLOAT, factors);
        }
        return y;
    }
}
