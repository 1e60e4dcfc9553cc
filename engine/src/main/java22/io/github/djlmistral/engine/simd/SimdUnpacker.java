/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.simd;

import static io.github.djlmistral.engine.simd.Lanes.FLOATS;
import static io.github.djlmistral.engine.simd.Lanes.INTS;
import static io.github.djlmistral.engine.simd.Memory.ALL;
import static io.github.djlmistral.engine.simd.Memory.ORDER;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.PlainUnpacker;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Unpacker;
import io.github.djlmistral.engine.weights.Dtype;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Unpacks {@link Int4} to bfloat16 by the Vector API, on the decoder's team; other matrices and
 * types as {@link PlainUnpacker} does.
 *
 * <p>A word has 8 columns of a row in the order 0 2 4 6, 1 3 5 7: each pair of halves gives two
 * neighbours, which make one int of bfloat16s. 32 columns of 16 rows are computed with rows for
 * lanes, and then gathered with columns for lanes.
 */
final class SimdUnpacker implements Unpacker {

    private static final int TILE = Int4.TILE;

    private final Unpacker plain = new PlainUnpacker();
    private final Team team;

    SimdUnpacker(Team team) {
        this.team = team;
    }

    @Override
    public boolean fast() {
        return true;
    }

    @Override
    public void unpack(QuantizedWeight weight, int from, int to, Dtype dtype, ByteBuffer out) {
        if (!(weight instanceof Int4 int4) || dtype != Dtype.BFLOAT16) {
            plain.unpack(weight, from, to, dtype, out);
            return;
        }
        if (from % TILE != 0) {
            throw new IllegalArgumentException("row " + from + " does not begin a tile of " + TILE);
        }
        long target = MemorySegment.ofBuffer(out).address();
        team.run(
                () -> {
                    int[] pairs = new int[TILE * TILE];
                    for (int row = from + team.take(TILE); row < to; row = from + team.take(TILE)) {
                        long at = target + (row - from) * 2L * weight.columns();
                        tile(int4, row, Math.min(to, row + TILE), pairs, at);
                    }
                },
                false);
    }

    private static void tile(Int4 weight, int row, int to, int[] pairs, long target) {
        int columns = weight.columns();
        int size = weight.groupSize();
        int width = weight.scales().dtype().bytes();
        boolean narrow = weight.scales().dtype() == Dtype.FLOAT16;
        long words = Memory.address(weight.codes()) + row * (long) columns / 2;
        long factors = row * (long) (columns / size) * width;
        long scales = Memory.address(weight.scales()) + factors;
        long offsets = weight.offsets() == null ? 0 : Memory.address(weight.offsets()) + factors;
        for (int column = 0; column < columns; column += 32, words += 16 * TILE) {
            long group = (long) (column / size) * TILE * width;
            for (int run = 0; run < TILE; run += Lanes.COUNT) {
                long behind = group + (long) run * width;
                long offset = offsets == 0 ? 0 : offsets + behind;
                pairs(words + 4L * run, scales + behind, offset, narrow, pairs, run);
            }
            for (int i = row; i < to; ++i) {
                turn(pairs, i - row, target + ((i - row) * (long) columns + column) * 2);
            }
        }
    }

    /** Computes 32 columns of L rows: pair i of a row goes to {@code 16 i + row}. */
    private static void pairs(
            long words, long scale, long offset, boolean narrow, int[] pairs, int run) {
        FloatVector d = narrow ? Lanes.smallFloat16(scale).mul(Lanes.REBIAS) : Lanes.float32(scale);
        FloatVector o = d;
        if (offset != 0) {
            o = narrow ? Lanes.smallFloat16(offset).mul(Lanes.REBIAS) : Lanes.float32(offset);
        } else {
            o = Lanes.broadcast(-0f); // changes nothing, not even the sign of a zero
        }
        int centre = offset == 0 ? Int4.CENTRE : 0;
        for (int i = 0; i < 4; ++i) {
            IntVector w = IntVector.fromMemorySegment(INTS, ALL, words + 4L * TILE * i, ORDER);
            for (int p = 0; p < 4; ++p) {
                IntVector even = w.and(15).sub(centre);
                IntVector odd = w.lanewise(LSHR, 16).and(15).sub(centre);
                IntVector low = rounded((FloatVector) even.convertShape(I2F, FLOATS, 0), d, o);
                IntVector high = rounded((FloatVector) odd.convertShape(I2F, FLOATS, 0), d, o);
                low.lanewise(LSHR, 16)
                        .or(high.and(0xffff0000))
                        .intoArray(pairs, (4 * i + p) * TILE + run);
                w = w.lanewise(LSHR, 4);
            }
        }
    }

    /** d q + o, rounded to the nearest bfloat16, in the upper half. */
    private static IntVector rounded(FloatVector q, FloatVector d, FloatVector o) {
        IntVector bits = q.mul(d).add(o).reinterpretAsInts();
        return bits.add(bits.lanewise(LSHR, 16).and(1)).add(0x7fff);
    }

    /** Writes the 16 pairs of a row one after the other. */
    private static void turn(int[] pairs, int row, long target) {
        for (int i = 0; i < TILE; i += Lanes.COUNT) {
            IntVector.fromArray(INTS, pairs, i * TILE + row, TURN, 0)
                    .intoMemorySegment(ALL, target + 4L * i, ORDER);
        }
    }

    /** How far apart the pairs of a row are. */
    private static final int[] TURN = turn();

    private static int[] turn() {
        int[] turn = new int[Lanes.COUNT];
        for (int i = 0; i < turn.length; ++i) {
            turn[i] = i * TILE;
        }
        return turn;
    }
}
