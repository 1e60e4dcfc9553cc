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
 * Product of {@link Int4} with int8 inputs in 16-bit lanes. A product is at most 15 · 127, so 16 of
 * them are added before they are widened to 32 bits. A group is accumulated in integers, and then
 * multiplied by its scale and offset.
 *
 * <p>With codes q, int8 inputs r of scale s, and the scale d and offset o of the group, a group
 * adds {@code d · s · Σ q r + o · s · Σ r}. A symmetric weight has o = -8 d.
 */
final class Int4Matrix extends Matrix {

    /**
     * Mask of the lowest code of each 16-bit lane. Deliberately not final: the compiler would
     * reload a constant from memory in each iteration, and the loop is limited by loads.
     */
    private static int lowest = 0x000f000f;

    /** {@link Lanes}' mask of float16 bits; not final for the same reason. */
    private static int float16 = 0x8fffffff;

    /** Number of runs of L rows that are computed together. */
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

    /** Returns the address of the word of a row's first 8 columns. */
    private long words(int row) {
        return codes + row / TILE * (long) columns * TILE / 2 + row % TILE * 4L;
    }

    /** Returns the index of a row's first scale. */
    private long factor(int row) {
        return row / TILE * (long) (columns / group) * TILE + row % TILE;
    }

    /**
     * Computes four runs of L rows for one token. Each input is loaded once for all runs, and an
     * iteration computes 8 columns: of the shapes tried (1, 2 and 4 runs; 8, 16 and 32 columns) the
     * one with the highest memory bandwidth.
     *
     * @param row the first row
     * @param to the end of the range (exclusive); runs past it repeat the last run
     * @param at the result of row i is written to {@code out[at + i]}
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
        // Unrolled by hand: the compiler always inlines the Vector API, but our own methods only
        // while a loop is small. A single loop over all groups: nested loops are compiled with pre-
        // and post-loops that cost more than their few iterations
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
            // after 32 columns a lane has added 16 products, more could overflow
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
        // in reverse order: where a run is repeated, the right result is written last
        yD.intoArray(out, at + rowD);
        yC.intoArray(out, at + rowC);
        yB.intoArray(out, at + rowB);
        yA.intoArray(out, at + rowA);
    }
}
