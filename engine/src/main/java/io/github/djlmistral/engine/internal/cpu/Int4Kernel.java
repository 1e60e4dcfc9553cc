/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * Product with an {@link Int4} weight, whose inputs are rounded to int8 in the groups of the
 * weight. The result of a token depends on nothing but the token, and is the same bits with every
 * instruction set and number of threads.
 */
public final class Int4Kernel {

    /** Tiles that a thread takes at once, 64 rows. */
    private static final int SHARE = 4;

    private final InstructionSet set;
    private final ThreadTeam team;
    private final Int4 weight;
    private final int tiles;
    private final long codes;
    private final long scales;
    private final long offsets;

    /**
     * Prepares a kernel; nothing is copied.
     *
     * @param set an available instruction set
     * @param team the threads
     * @param weight the weight; its input order is ignored
     */
    public Int4Kernel(InstructionSet set, ThreadTeam team, Int4 weight) {
        this.set = set;
        this.team = team;
        this.weight = weight;
        tiles = (weight.rows() + Int4.TILE - 1) / Int4.TILE;
        codes = address(weight.codes());
        scales = address(weight.scales());
        offsets = weight.offsets() == null ? 0 : address(weight.offsets());
    }

    private static long address(Tensor tensor) {
        return NativeLibrary.address(tensor.data());
    }

    /**
     * Computes x · weightᵀ.
     *
     * @param x (..., columns), on the CPU
     * @param dtype the type of the numbers of x and the result, float32, float16 or bfloat16
     * @param out (..., rows), receives the result
     * @throws IllegalArgumentException if a shape or type is another
     */
    public void linear(NDArray x, Dtype dtype, NDArray out) {
        int columns = weight.columns();
        int tokens = Math.toIntExact(x.size() / columns);
        ByteBuffer in = x.toByteBuffer(true);
        ByteBuffer to = out.toByteBuffer(true);
        if (x.size() != (long) tokens * columns
                || in.capacity() != x.size() * dtype.bytes()
                || to.capacity() != (long) tokens * weight.rows() * dtype.bytes()) {
            throw new IllegalArgumentException(
                    x + " and " + out + " do not fit " + weight + " of " + weight.rows() + " rows");
        }
        int group = weight.groupSize();
        long groups = (long) tokens * columns / group;
        // codes, scales and sums of the rounded inputs
        Shape size = new Shape((long) tokens * columns + 8 * groups);
        try (NDArray rounded = x.getManager().create(size, DataType.UINT8)) {
            ByteBuffer buffer = rounded.toByteBuffer(true);
            long inCodes = NativeLibrary.address(buffer);
            long inScales = inCodes + (long) tokens * columns;
            long inSums = inScales + 4 * groups;
            long from = NativeLibrary.address(in);
            long result = NativeLibrary.address(to);
            int type = type(dtype);
            int scaleType = type(weight.scales().dtype());
            NativeLibrary.round(
                    set.index(), from, type, groups, group, inCodes, inScales, inSums);
            team.run(
                    () -> {
                        for (int t = team.take(SHARE); t < tiles; t = team.take(SHARE)) {
                            NativeLibrary.int4Linear(
                                    set.index(),
                                    codes,
                                    scales,
                                    offsets,
                                    scaleType,
                                    weight.rows(),
                                    columns,
                                    group,
                                    inCodes,
                                    inScales,
                                    inSums,
                                    tokens,
                                    t,
                                    Math.min(tiles, t + SHARE),
                                    result,
                                    type);
                        }
                    });
            Reference.reachabilityFence(buffer);
        } finally {
            Reference.reachabilityFence(in);
            Reference.reachabilityFence(to);
            Reference.reachabilityFence(weight);
        }
    }

    private static int type(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> 0;
            case FLOAT16 -> 1;
            case BFLOAT16 -> 2;
            default -> throw new IllegalArgumentException(dtype + " is not a float type");
        };
    }
}
