/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.weights.Dtype;
import jdk.incubator.vector.FloatVector;

/**
 * Product of {@link Int8} with float32 inputs. Codes are converted to float32, which costs little
 * compared to reading them; inputs are not rounded.
 */
final class Int8Matrix extends Matrix {

    private final int group;
    private final long codes;
    private final Dtype type;
    private final long scales;
    private final long offsets;

    Int8Matrix(Int8 weight) {
        super(weight);
        group = weight.groupSize();
        codes = Memory.address(weight.codes());
        type = weight.scales().dtype();
        scales = Memory.address(weight.scales());
        offsets = weight.offsets() == null ? 0 : Memory.address(weight.offsets());
    }

    @Override
    void multiply(Input input, int tokens, int from, int to, float[] out, int stride, int shift) {
        int groups = columns / group;
        float[] sums = input.scratch(groups * Lanes.COUNT);
        for (int row = from; row < to; row += Lanes.COUNT) {
            long bytes = codes + row / TILE * (long) columns * TILE + row % TILE;
            long factors = row / TILE * (long) groups * TILE + row % TILE;
            for (int t = 0; t < tokens; ++t) {
                int first = t * input.stride;
                for (int g = 0; g < groups; ++g) {
                    sum(
                            bytes + (long) g * group * TILE,
                            input.values,
                            first + g * group,
                            group,
                            sums,
                            g * Lanes.COUNT);
                }
                scale(factors, groups, sums, input.values, first, out, t * stride + row - shift);
            }
        }
    }

    /**
     * Computes the dot products of a group, whose size is a multiple of 16; four accumulators hide
     * latency.
     */
    private static void sum(long bytes, float[] x, int from, int group, float[] sums, int at) {
        FloatVector a = Lanes.broadcast(0);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        for (int j = from; j < from + group; j += 4, bytes += 4 * TILE) {
            a = Lanes.int8(bytes).fma(Lanes.broadcast(x[j]), a);
            b = Lanes.int8(bytes + TILE).fma(Lanes.broadcast(x[j + 1]), b);
            c = Lanes.int8(bytes + 2 * TILE).fma(Lanes.broadcast(x[j + 2]), c);
            d = Lanes.int8(bytes + 3 * TILE).fma(Lanes.broadcast(x[j + 3]), d);
        }
        a.add(b).add(c.add(d)).intoArray(sums, at);
    }

    private void scale(
            long factors, int groups, float[] sums, float[] x, int first, float[] out, int at) {
        FloatVector y = Lanes.broadcast(0);
        for (int g = 0; g < groups; ++g) {
            long factor = (factors + (long) g * TILE) * type.bytes();
            FloatVector sum = FloatVector.fromArray(Lanes.FLOATS, sums, g * Lanes.COUNT);
            y = factors(scales + factor).fma(sum, y);
            if (offsets != 0) {
                float inputSum = total(x, first + g * group, group);
                y = factors(offsets + factor).fma(Lanes.broadcast(inputSum), y);
            }
        }
        y.intoArray(out, at);
    }

    private FloatVector factors(long address) {
        return type == Dtype.FLOAT16
                ? Lanes.smallFloat16(address).mul(Lanes.REBIAS)
                : Lanes.float32(address);
    }

    private static float total(float[] x, int from, int count) {
        float total = 0;
        for (int i = from; i < from + count; ++i) {
            total += x[i];
        }
        return total;
    }
}
