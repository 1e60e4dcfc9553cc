/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static io.github.djlmistral.engine.internal.simd.Lanes.FLOATS;
import static io.github.djlmistral.engine.internal.simd.Lanes.HALVES;
import static io.github.djlmistral.engine.internal.simd.Lanes.INTS;
import static io.github.djlmistral.engine.internal.simd.Lanes.SHORTS;
import static io.github.djlmistral.engine.internal.simd.Memory.ALL;
import static io.github.djlmistral.engine.internal.simd.Memory.ORDER;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import org.jspecify.annotations.Nullable;

/**
 * The product of {@link Int4} with inputs of 8 bits, in 16-bit lanes: a product is at most 15 · 127
 * and 16 of them are summed before they are widened. The codes of a group are summed as integers;
 * scales and offsets come in once a group.
 *
 * <p>With codes q, inputs rounded to r with scale s, and the group's scale d and offset o, a group
 * gives {@code d · s · Σ q r + o · s · Σ r}; o is -8 d where there are no offsets.
 */
final class Int4Matrix extends Matrix {

    /**
     * The lowest code of each 16-bit lane. Not a constant, on purpose: the compiler would load a
     * constant anew from memory each time, and loads are what the loop waits for.
     */
    private static int lowest = 0x000f000f;

    /** Sign, exponent and fraction of a float16 in a float32's places; no constant either. */
    private static int float16 = 0x8fffffff;

    /** Runs of L rows that are computed at once. */
    private static final int RUNS = 4;

    private final int group;
    private final int @Nullable [] order;
    private final long codes;
    private final boolean halves;
    private final long scales;
    private final long offsets;

    Int4Matrix(Int4 weight) {
        super(weight);
        group = weight.groupSize();
        order = weight.inputOrder();
        codes = Memory.address(weight.codes());
        halves = weight.scales().dtype() == Dtype.FLOAT16;
        scales = Memory.address(weight.scales());
        offsets = weight.offsets() == null ? 0 : Memory.address(weight.offsets());
    }

    @Override
    void multiply(Input input, int tokens, int from, int to, float[] out, int stride, int shift) {
        input.round(tokens, group, order);
        for (int row = from; row < to; row += RUNS * Lanes.COUNT) {
            for (int t = 0; t < tokens; ++t) {
                product(row, to, input, t, out, t * stride - shift);
            }
        }
    }

    /** Where the first 8 columns' words of a row are. */
    private long words(int row) {
        return codes + row / TILE * (long) columns * TILE / 2 + row % TILE * 4L;
    }

    /** How many numbers behind the first scale a row's first one is. */
    private long factor(int row) {
        return row / TILE * (long) (columns / group) * TILE + row % TILE;
    }

    /**
     * Computes four runs of L rows for one token. An input is loaded once for all of them, and 8
     * columns of each are all that the loop holds: of the shapes that were tried (1, 2 and 4 runs,
     * 8, 16 and 32 columns) the one that reads memory fastest.
     *
     * @param row the first row
     * @param to the end; runs behind it repeat the last one before it
     * @param at the result of row i goes to {@code at + i}
     */
    private void product(int row, int to, Input input, int token, float[] out, int at) {
        int last = row + (to - 1 - row) / Lanes.COUNT * Lanes.COUNT;
        int rowA = row;
        int rowB = Math.min(last, row + Lanes.COUNT);
        int rowC = Math.min(last, row + 2 * Lanes.COUNT);
        int rowD = Math.min(last, row + 3 * Lanes.COUNT);
        long words = words(rowA);
        long toB = words(rowB) - words;
        long toC = words(rowC) - words;
        long toD = words(rowD) - words;
        boolean narrow = halves;
        int width = narrow ? 2 : 4;
        long scale = scales + factor(rowA) * width;
        long scaleToB = (factor(rowB) - factor(rowA)) * width;
        long scaleToC = (factor(rowC) - factor(rowA)) * width;
        long scaleToD = (factor(rowD) - factor(rowA)) * width;
        long toOffsets = offsets == 0 ? 0 : offsets - scales;
        int[] x = input.pairs;
        int from = token * columns / 2;
        int end = from + columns / 2;
        int groupEnd = group / 2 - 1;
        int g = token * (columns / group);
        IntVector mask = IntVector.broadcast(INTS, lowest);
        IntVector bits = IntVector.broadcast(INTS, float16);
        ShortVector a = ShortVector.zero(SHORTS);
        ShortVector b = ShortVector.zero(SHORTS);
        ShortVector c = ShortVector.zero(SHORTS);
        ShortVector d = ShortVector.zero(SHORTS);
        IntVector totalA = IntVector.zero(INTS);
        IntVector totalB = IntVector.zero(INTS);
        IntVector totalC = IntVector.zero(INTS);
        IntVector totalD = IntVector.zero(INTS);
        FloatVector yA = FloatVector.zero(FLOATS);
        FloatVector yB = FloatVector.zero(FLOATS);
        FloatVector yC = FloatVector.zero(FLOATS);
        FloatVector yD = FloatVector.zero(FLOATS);
        // Written out: the compiler inlines the Vector API without limit, but methods of ours only
        // while a loop is small. And one loop for all groups: loops within loops would be compiled
        // with beginnings and ends that cost more than their few turns
        for (int j = from; j < end; j += 4, words += 4 * TILE) {
            ShortVector x0 = IntVector.broadcast(INTS, x[j]).reinterpretAsShorts();
            ShortVector x1 = IntVector.broadcast(INTS, x[j + 1]).reinterpretAsShorts();
            ShortVector x2 = IntVector.broadcast(INTS, x[j + 2]).reinterpretAsShorts();
            ShortVector x3 = IntVector.broadcast(INTS, x[j + 3]).reinterpretAsShorts();
            IntVector w = IntVector.fromMemorySegment(INTS, ALL, words, ORDER);
            a = a.add(w.and(mask).reinterpretAsShorts().mul(x0));
            a = a.add(w.lanewise(LSHR, 4).and(mask).reinterpretAsShorts().mul(x1));
            a = a.add(w.lanewise(LSHR, 8).and(mask).reinterpretAsShorts().mul(x2));
            a = a.add(w.lanewise(LSHR, 12).and(mask).reinterpretAsShorts().mul(x3));
            w = IntVector.fromMemorySegment(INTS, ALL, words + toB, ORDER);
            b = b.add(w.and(mask).reinterpretAsShorts().mul(x0));
            b = b.add(w.lanewise(LSHR, 4).and(mask).reinterpretAsShorts().mul(x1));
            b = b.add(w.lanewise(LSHR, 8).and(mask).reinterpretAsShorts().mul(x2));
            b = b.add(w.lanewise(LSHR, 12).and(mask).reinterpretAsShorts().mul(x3));
            w = IntVector.fromMemorySegment(INTS, ALL, words + toC, ORDER);
            c = c.add(w.and(mask).reinterpretAsShorts().mul(x0));
            c = c.add(w.lanewise(LSHR, 4).and(mask).reinterpretAsShorts().mul(x1));
            c = c.add(w.lanewise(LSHR, 8).and(mask).reinterpretAsShorts().mul(x2));
            c = c.add(w.lanewise(LSHR, 12).and(mask).reinterpretAsShorts().mul(x3));
            w = IntVector.fromMemorySegment(INTS, ALL, words + toD, ORDER);
            d = d.add(w.and(mask).reinterpretAsShorts().mul(x0));
            d = d.add(w.lanewise(LSHR, 4).and(mask).reinterpretAsShorts().mul(x1));
            d = d.add(w.lanewise(LSHR, 8).and(mask).reinterpretAsShorts().mul(x2));
            d = d.add(w.lanewise(LSHR, 12).and(mask).reinterpretAsShorts().mul(x3));
            if (((j + 4) & 15) != 0) {
                continue;
            }
            // 32 columns: a lane has summed 16 products and has no room for more
            w = a.reinterpretAsInts();
            totalA = totalA.add(w.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(w.lanewise(ASHR, 16));
            a = ShortVector.zero(SHORTS);
            w = b.reinterpretAsInts();
            totalB = totalB.add(w.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(w.lanewise(ASHR, 16));
            b = ShortVector.zero(SHORTS);
            w = c.reinterpretAsInts();
            totalC = totalC.add(w.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(w.lanewise(ASHR, 16));
            c = ShortVector.zero(SHORTS);
            w = d.reinterpretAsInts();
            totalD = totalD.add(w.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(w.lanewise(ASHR, 16));
            d = ShortVector.zero(SHORTS);
            if (((j - from + 4) & groupEnd) != 0) {
                continue;
            }
            float inputScale = input.scales[g];
            float inputSum = input.sums[g];
            ++g;
            FloatVector sumA = (FloatVector) totalA.convertShape(I2F, FLOATS, 0);
            sumA = sumA.mul(inputScale);
            totalA = IntVector.zero(INTS);
            if (toOffsets == 0) {
                sumA = sumA.sub(Int4.ZERO_POINT * inputSum);
            } else {
                yA =
                        (narrow
                                        ? ShortVector.fromMemorySegment(
                                                        HALVES, ALL, scale + toOffsets, ORDER)
                                                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                                .reinterpretAsInts()
                                                .lanewise(LSHL, 16)
                                                .lanewise(ASHR, 3)
                                                .and(bits)
                                                .reinterpretAsFloats()
                                                .mul(Lanes.REBIAS)
                                        : FloatVector.fromMemorySegment(
                                                FLOATS, ALL, scale + toOffsets, ORDER))
                                .fma(FloatVector.broadcast(FLOATS, inputSum), yA);
            }
            yA =
                    (narrow
                                    ? ShortVector.fromMemorySegment(HALVES, ALL, scale, ORDER)
                                            .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                            .reinterpretAsInts()
                                            .lanewise(LSHL, 16)
                                            .lanewise(ASHR, 3)
                                            .and(bits)
                                            .reinterpretAsFloats()
                                            .mul(Lanes.REBIAS)
                                    : FloatVector.fromMemorySegment(FLOATS, ALL, scale, ORDER))
                            .fma(sumA, yA);
            FloatVector sumB = (FloatVector) totalB.convertShape(I2F, FLOATS, 0);
            sumB = sumB.mul(inputScale);
            totalB = IntVector.zero(INTS);
            if (toOffsets == 0) {
                sumB = sumB.sub(Int4.ZERO_POINT * inputSum);
            } else {
                yB =
                        (narrow
                                        ? ShortVector.fromMemorySegment(
                                                        HALVES,
                                                        ALL,
                                                        scale + scaleToB + toOffsets,
                                                        ORDER)
                                                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                                .reinterpretAsInts()
                                                .lanewise(LSHL, 16)
                                                .lanewise(ASHR, 3)
                                                .and(bits)
                                                .reinterpretAsFloats()
                                                .mul(Lanes.REBIAS)
                                        : FloatVector.fromMemorySegment(
                                                FLOATS, ALL, scale + scaleToB + toOffsets, ORDER))
                                .fma(FloatVector.broadcast(FLOATS, inputSum), yB);
            }
            yB =
                    (narrow
                                    ? ShortVector.fromMemorySegment(
                                                    HALVES, ALL, scale + scaleToB, ORDER)
                                            .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                            .reinterpretAsInts()
                                            .lanewise(LSHL, 16)
                                            .lanewise(ASHR, 3)
                                            .and(bits)
                                            .reinterpretAsFloats()
                                            .mul(Lanes.REBIAS)
                                    : FloatVector.fromMemorySegment(
                                            FLOATS, ALL, scale + scaleToB, ORDER))
                            .fma(sumB, yB);
            FloatVector sumC = (FloatVector) totalC.convertShape(I2F, FLOATS, 0);
            sumC = sumC.mul(inputScale);
            totalC = IntVector.zero(INTS);
            if (toOffsets == 0) {
                sumC = sumC.sub(Int4.ZERO_POINT * inputSum);
            } else {
                yC =
                        (narrow
                                        ? ShortVector.fromMemorySegment(
                                                        HALVES,
                                                        ALL,
                                                        scale + scaleToC + toOffsets,
                                                        ORDER)
                                                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                                .reinterpretAsInts()
                                                .lanewise(LSHL, 16)
                                                .lanewise(ASHR, 3)
                                                .and(bits)
                                                .reinterpretAsFloats()
                                                .mul(Lanes.REBIAS)
                                        : FloatVector.fromMemorySegment(
                                                FLOATS, ALL, scale + scaleToC + toOffsets, ORDER))
                                .fma(FloatVector.broadcast(FLOATS, inputSum), yC);
            }
            yC =
                    (narrow
                                    ? ShortVector.fromMemorySegment(
                                                    HALVES, ALL, scale + scaleToC, ORDER)
                                            .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                            .reinterpretAsInts()
                                            .lanewise(LSHL, 16)
                                            .lanewise(ASHR, 3)
                                            .and(bits)
                                            .reinterpretAsFloats()
                                            .mul(Lanes.REBIAS)
                                    : FloatVector.fromMemorySegment(
                                            FLOATS, ALL, scale + scaleToC, ORDER))
                            .fma(sumC, yC);
            FloatVector sumD = (FloatVector) totalD.convertShape(I2F, FLOATS, 0);
            sumD = sumD.mul(inputScale);
            totalD = IntVector.zero(INTS);
            if (toOffsets == 0) {
                sumD = sumD.sub(Int4.ZERO_POINT * inputSum);
            } else {
                yD =
                        (narrow
                                        ? ShortVector.fromMemorySegment(
                                                        HALVES,
                                                        ALL,
                                                        scale + scaleToD + toOffsets,
                                                        ORDER)
                                                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                                .reinterpretAsInts()
                                                .lanewise(LSHL, 16)
                                                .lanewise(ASHR, 3)
                                                .and(bits)
                                                .reinterpretAsFloats()
                                                .mul(Lanes.REBIAS)
                                        : FloatVector.fromMemorySegment(
                                                FLOATS, ALL, scale + scaleToD + toOffsets, ORDER))
                                .fma(FloatVector.broadcast(FLOATS, inputSum), yD);
            }
            yD =
                    (narrow
                                    ? ShortVector.fromMemorySegment(
                                                    HALVES, ALL, scale + scaleToD, ORDER)
                                            .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                                            .reinterpretAsInts()
                                            .lanewise(LSHL, 16)
                                            .lanewise(ASHR, 3)
                                            .and(bits)
                                            .reinterpretAsFloats()
                                            .mul(Lanes.REBIAS)
                                    : FloatVector.fromMemorySegment(
                                            FLOATS, ALL, scale + scaleToD, ORDER))
                            .fma(sumD, yD);
            scale += (long) width * TILE;
        }
        // from the last on: what a repeated run writes is written again by the run itself
        yD.intoArray(out, at + rowD);
        yC.intoArray(out, at + rowC);
        yB.intoArray(out, at + rowB);
        yA.intoArray(out, at + rowA);
    }
}
