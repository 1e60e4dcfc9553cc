/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The functions of the library. They take addresses and do not check them: callers compute them
 * from shapes.
 */
public final class NativeLibrary {

    private static final @Nullable String MISSING = LibraryLoader.load();

    private NativeLibrary() {}

    /**
     * Returns why the library is not available.
     *
     * @return the cause; null if it is loaded
     */
    static @Nullable String missing() {
        return MISSING;
    }

    /** Returns a bit for each {@link InstructionSet} that processor and system support. */
    public static native int instructionSets();

    /** Returns the address of a direct buffer's first byte. */
    public static native long address(ByteBuffer buffer);

    /**
     * Returns the address of an array with its number, from 1 to 32767. From the first call on all
     * functions check the addresses that they get. See {@code checks.h}.
     */
    public static native long register(int number, long address, long bytes);

    /** Returns the number of a type of floats in {@code kernels.h}. */
    public static int type(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> 0;
            case FLOAT16 -> 1;
            case BFLOAT16 -> 2;
            default -> throw new IllegalArgumentException(dtype + " is not a type of floats");
        };
    }

    /** Returns the number of a type of KV caches in {@code kernels.h}. */
    public static int cacheType(Dtype dtype) {
        return dtype == Dtype.INT8 ? 4 : type(dtype);
    }

    /** Returns the number of a type of scales in {@code kernels.h}. */
    static int factorType(Dtype dtype) {
        return dtype == Dtype.INT8 ? 3 : type(dtype);
    }

    /** See {@code round.c}. */
    public static native void round(
            int set, long x, long count, long group, long codes, long scales, long sums);

    /** See {@code int4.c} and {@code int6.c}; bits is 4 or 6. */
    public static native void roundedLinear(
            int set,
            int bits,
            long codes,
            long scales,
            long offsets,
            int type,
            long rows,
            long columns,
            long group,
            long in,
            long inScales,
            long inSums,
            long tokens,
            long from,
            long to,
            long out);

    /** See {@code int8.c}. */
    public static native void int8Linear(
            int set,
            long codes,
            long scales,
            long offsets,
            int type,
            long rows,
            long columns,
            long group,
            long x,
            long tokens,
            long from,
            long to,
            long out);

    /** See {@code codebook.c}. */
    public static native void codebookLinear(
            int set,
            long codes,
            long absmax,
            long table,
            long rows,
            long columns,
            long block,
            long x,
            long tokens,
            long from,
            long to,
            long out,
            long scratch);

    /** See {@code codebook.c}. */
    public static native void split(int set, long x, long tokens, long columns, long out);

    /** See {@code dense.c}. */
    public static native void denseLinear(
            int set,
            long values,
            int type,
            long rows,
            long columns,
            long x,
            long tokens,
            long from,
            long to,
            long out,
            long scratch);

    /** Stores {@code x[order[i]]} for each column i. */
    public static native void gather(long x, int[] order, long columns, long out);

    /** See {@code norm.c}. */
    public static native void rmsNorm(
            int set, long x, long weight, int type, float eps, long tokens, long columns, long out);

    /** See {@code norm.c}. */
    public static native void swiGlu(int set, long gate, long up, long count, long out);

    /** See {@code norm.c}. */
    public static native void add(int set, long x, long y, long count, long out);

    /** See {@code norm.c}. */
    public static native void widen(int set, long x, int type, long count, long out);

    /** See {@code rotary.c}. */
    public static native void rotate(
            int set,
            long x,
            long stride,
            long tokens,
            long heads,
            long size,
            long cos,
            long sin,
            float factor);

    /** See {@code rotary.c}. */
    public static native void write(
            int set,
            long pages,
            long firstPage,
            long pageCount,
            long head,
            long groups,
            int type,
            long size,
            long k,
            long v,
            long stride,
            long tokens,
            long first);

    /** See {@code attention.c}. */
    public static native void attend(
            int set,
            long pages,
            long firstPage,
            long pageCount,
            long head,
            long groups,
            int type,
            long size,
            long q,
            long stride,
            long tokens,
            long heads,
            long from,
            long to,
            long mask,
            long maskStride,
            long maskFirst,
            long scratch,
            long out,
            long outStride);

    /** See {@code attention.c}. */
    public static native void attendPart(
            int set,
            long pages,
            long firstPage,
            long pageCount,
            long head,
            long groups,
            int type,
            long size,
            long q,
            long stride,
            long tokens,
            long heads,
            long from,
            long to,
            long mask,
            long maskStride,
            long maskFirst,
            long part,
            long out);

    /** See {@code attention.c}. */
    public static native void merge(
            int set, long partial, long parts, long step, long size, long out);

    /** See {@code attention.c}. */
    public static native void attentionWeights(
            int set,
            long pages,
            long firstPage,
            long pageCount,
            long head,
            long groups,
            int type,
            long size,
            long q,
            long stride,
            long tokens,
            long heads,
            long from,
            long to,
            long mask,
            long maskStride,
            long maskFirst,
            long first,
            long last,
            long out,
            long outStride);
}
