/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static io.github.djlmistral.engine.internal.simd.Lanes.FLOATS;
import static io.github.djlmistral.engine.internal.simd.Lanes.INTS;
import static io.github.djlmistral.engine.internal.simd.Memory.ALL;
import static io.github.djlmistral.engine.internal.simd.Memory.ORDER;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.internal.quantization.ScalarDequantizer;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Dequantizes {@link Int4} to bfloat16 with the Vector API and the decoder's threads; other weights
 * and data types with {@link ScalarDequantizer}.
 *
 * <p>A word holds 8 columns of a row in the order 0 2 4 6, 1 3 5 7. After four lanes with the same
 * word are shifted by 0, 4, 8 and 12 bits, the lowest four bits of their lower halves are the even
 * columns and those of their upper halves the odd ones, which is the order of pairs of bfloat16 in
 * memory.
 */
final class SimdDequantizer implements Dequantizer {

    private static final int TILE = Int4.TILE;

    /** Columns of a tile that are dequantized together; a multiple of every group size. */
    private static final int SPAN = 512;

    /** 0, 4, 8, 12, repeated. */
    private static final IntVector SHIFTS = IntVector.broadcast(INTS, 0).addIndex(1).and(3).mul(4);

    private static final VectorMask<Integer> FROM_4 = VectorMask.fromLong(INTS, -1L << 4);
    private static final VectorMask<Integer> FROM_8 = VectorMask.fromLong(INTS, -1L << 8);
    private static final VectorMask<Integer> FROM_12 = VectorMask.fromLong(INTS, -1L << 12);

    private final Dequantizer plain = new ScalarDequantizer();
    private final ThreadTeam team;

    SimdDequantizer(ThreadTeam team) {
        this.team = team;
    }

    @Override
    public boolean fast() {
        return true;
    }

    @Override
    public void dequantize(QuantizedWeight weight, int from, int to, Dtype dtype, ByteBuffer out) {
        if (!(weight instanceof Int4 int4) || dtype != Dtype.BFLOAT16) {
            plain.dequantize(weight, from, to, dtype, out);
            return;
        }
        if (from % TILE != 0) {
            throw new IllegalArgumentException("row " + from + " does not begin a tile of " + TILE);
        }
        long target = MemorySegment.ofBuffer(out).address();
        team.run(
                () -> {
                    for (int row = from + team.take(TILE); row < to; row = from + team.take(TILE)) {
                        long at = target + (row - from) * 2L * weight.columns();
                        tile(int4, row, Math.min(to, row + TILE), at);
                    }
                },
                false);
    }

    /**
     * Dequantizes a tile, a range of columns of all rows at a time, whose words stay in the
     * processor's cache.
     */
    private static void tile(Int4 weight, int row, int to, long target) {
        int columns = weight.columns();
        int shift = Integer.numberOfTrailingZeros(weight.groupSize());
        boolean narrow = weight.scales().dtype() == Dtype.FLOAT16;
        int width = narrow ? 2 : 4;
        long words = Memory.address(weight.codes()) + row * (long) columns / 2;
        long factors = row * (long) (columns >> shift) * width;
        long scales = Memory.address(weight.scales()) + factors;
        long offsets = weight.offsets() == null ? 0 : Memory.address(weight.offsets()) + factors;
        int centre = offsets == 0 ? Int4.ZERO_POINT : 0;
        for (int first = 0; first < columns; first += SPAN) {
            int last = Math.min(columns, first + SPAN);
            for (int i = 0; i < to - row; ++i) {
                long at = target + i * 2L * columns;
                for (int c = first; c < last; c += 2 * Lanes.COUNT) {
                    long factor = ((c >> shift) * (long) TILE + i) * width;
                    float d = number(narrow, scales + factor);
                    // adding -0 changes no value, not even the sign of zero
                    float o = offsets == 0 ? -0f : number(narrow, offsets + factor);
                    pairs(words + 8L * c + 4L * i, centre, d, o)
                            .intoMemorySegment(ALL, at + 2L * c, ORDER);
                }
            }
        }
    }

    private static float number(boolean narrow, long address) {
        return narrow
                ? Float.float16ToFloat(ALL.get(Lanes.SHORT, address))
                : ALL.get(Lanes.FLOAT, address);
    }

    /** Dequantizes 2 L columns of a row that share a scale. */
    private static IntVector pairs(long words, int centre, float d, float o) {
        IntVector w = IntVector.broadcast(INTS, word(words, 0));
        if (Lanes.COUNT >= 8) {
            w = w.blend(IntVector.broadcast(INTS, word(words, 1)), FROM_4);
        }
        if (Lanes.COUNT >= 16) {
            w = w.blend(IntVector.broadcast(INTS, word(words, 2)), FROM_8);
            w = w.blend(IntVector.broadcast(INTS, word(words, 3)), FROM_12);
        }
        w = w.lanewise(LSHR, SHIFTS);
        IntVector even = w.and(15).sub(centre);
        IntVector odd = w.lanewise(LSHR, 16).and(15).sub(centre);
        IntVector low = rounded((FloatVector) even.convertShape(I2F, FLOATS, 0), d, o);
        IntVector high = rounded((FloatVector) odd.convertShape(I2F, FLOATS, 0), d, o);
        return low.lanewise(LSHR, 16).or(high.and(0xffff0000));
    }

    /** Returns the word of columns 8 i to 8 i + 7. */
    private static int word(long words, int i) {
        return ALL.get(Lanes.INT, words + 4L * TILE * i);
    }

    /** Returns d q + o, rounded to the nearest bfloat16, in the upper half of each lane. */
    private static IntVector rounded(FloatVector q, float d, float o) {
        IntVector bits = q.mul(d).add(o).reinterpretAsInts();
        return bits.add(bits.lanewise(LSHR, 16).and(1)).add(0x7fff);
    }
}
