/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.GgmlType;
import io.github.djlmistral.engine.weights.GgufTensor;
import java.nio.ByteBuffer;
import java.util.function.IntUnaryOperator;

/**
 * Repacks the blocks of GGUF's quantized types as {@link Int4}, {@link Int6} or {@link Int8}.
 * Dequantized values are bit-identical to llama.cpp's: scales and offsets stay float16, and of the
 * K types the pairs of a float16 and an integer whose product they are ({@link Factors},
 * two-level).
 *
 * <p>The layout of each block (d, m: float16; "nibbles": the codes of the first half of the columns
 * in the lower four bits, those of the second half in the upper ones):
 *
 * <pre>
 * Q4_0   d, 16 bytes of nibbles                        w = d (q - 8)             of 32 columns
 * Q4_1   d, m, 16 bytes of nibbles                     w = d q + m
 * Q5_0   d, 32 fifth bits, 16 bytes of nibbles         w = d (q - 16)
 * Q5_1   d, m, 32 fifth bits, 16 bytes of nibbles      w = d q + m
 * Q8_0   d, 32 signed bytes                            w = d q
 * Q4_K   d, m, 12 bytes of s, t; 4 x 32 of nibbles     w = (d s) q - (m t)       of 256 columns
 * Q5_K   d, m, 12 bytes of s, t; 32 bytes of fifth     w = (d s) q - (m t)
 *        bits, 4 x 32 bytes of nibbles
 * Q6_K   2 x 64 bytes of nibbles, 2 x 32 of upper      w = (d s) (q - 32)
 *        bits, 16 signed bytes s, d
 * </pre>
 */
final class GgmlBlocks {

    /**
     * Decodes one block: codes from index c on, scales and offsets from index g on, as {@link
     * Factors#put} takes them.
     */
    @FunctionalInterface
    private interface Block {
        void read(
                ByteBuffer data,
                int at,
                byte[] codes,
                int c,
                float[] scales,
                float[] offsets,
                int g);
    }

    /** The layout that a type is converted to. */
    private record Layout(
            int bits, int groupSize, Dtype scaleType, boolean symmetric, Block block) {

        boolean twoLevel() {
            return scaleType == Dtype.INT8;
        }
    }

    private GgmlBlocks() {}

    private static Layout layout(GgmlType type) {
        return switch (type) {
            case Q4_0 -> new Layout(4, 32, Dtype.FLOAT16, true, GgmlBlocks::q40);
            case Q4_1 -> new Layout(4, 32, Dtype.FLOAT16, false, GgmlBlocks::q41);
            case Q4_K -> new Layout(4, 32, Dtype.INT8, false, GgmlBlocks::q4k);
            case Q5_0 -> new Layout(6, 32, Dtype.FLOAT16, true, GgmlBlocks::q50);
            case Q5_1 -> new Layout(6, 32, Dtype.FLOAT16, false, GgmlBlocks::q51);
            case Q8_0 -> new Layout(8, 32, Dtype.FLOAT16, true, GgmlBlocks::q80);
            case Q5_K -> new Layout(6, 32, Dtype.INT8, false, GgmlBlocks::q5k);
            case Q6_K -> new Layout(6, 16, Dtype.INT8, true, GgmlBlocks::q6k);
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " is not quantized");
        };
    }

    /**
     * Repacks a tensor.
     *
     * @param name the name of the result
     * @param tensor the blocks, of shape [rows, columns]
     * @param source maps a row of the result to a row of the tensor
     * @return the quantized weight, in memory that it owns
     */
    static QuantizedWeight pack(String name, GgufTensor tensor, IntUnaryOperator source) {
        Layout layout = layout(tensor.type());
        int rows = rows(tensor);
        int columns = columns(tensor);
        int size = layout.groupSize();
        Dtype scaleType = layout.scaleType();
        boolean symmetric = layout.symmetric();
        GroupedRowSource grouped = grouped(tensor, source, layout);
        return switch (layout.bits()) {
            case 4 ->
                    Int4Packer.pack(name, rows, columns, size, scaleType, symmetric, null, grouped);
            case 6 -> Int6Packer.pack(name, rows, columns, size, scaleType, symmetric, grouped);
            default -> Int8Packer.pack(name, rows, columns, size, scaleType, symmetric, grouped);
        };
    }

    /** The size in bytes of what {@link #pack} returns. */
    static long bytes(GgufTensor tensor) {
        Layout layout = layout(tensor.type());
        long tiles = (tensor.shape()[0] + Int4.TILE - 1) / Int4.TILE;
        long columns = tensor.shape()[1];
        long codes = tiles * Int4.TILE * columns * layout.bits() / 8;
        long scales = Factors.bytes(layout.scaleType(), tiles, columns, layout.groupSize());
        return codes + (layout.symmetric() ? scales : 2 * scales);
    }

    private static int rows(GgufTensor tensor) {
        return Math.toIntExact(tensor.shape()[0]);
    }

    private static int columns(GgufTensor tensor) {
        return Math.toIntExact(tensor.shape()[1]);
    }

    private static GroupedRowSource grouped(
            GgufTensor tensor, IntUnaryOperator source, Layout layout) {
        int blockSize = tensor.type().blockSize();
        int blockBytes = tensor.type().blockBytes();
        int blocks = columns(tensor) / blockSize;
        int factors = blockSize / layout.groupSize() + (layout.twoLevel() ? 1 : 0);
        // shared by threads: all reads are at absolute positions
        ByteBuffer data = tensor.data();
        return (row, codes, scales, offsets) -> {
            int at = source.applyAsInt(row) * blocks * blockBytes;
            for (int b = 0; b < blocks; ++b, at += blockBytes) {
                layout.block().read(data, at, codes, b * blockSize, scales, offsets, b * factors);
            }
        };
    }

    private static float float16(ByteBuffer data, int at) {
        return Float16.toFloat(data.getShort(at));
    }

    /** The 2 n codes of n bytes: the lower halves, then the upper ones. */
    private static void nibbles(ByteBuffer data, int at, int n, byte[] codes, int c) {
        for (int i = 0; i < n; ++i) {
            int both = data.get(at + i);
            codes[c + i] = (byte) (both & 15);
            codes[c + n + i] = (byte) (both >> 4 & 15);
        }
    }

    private static void q40(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        nibbles(data, at + 2, 16, codes, c);
    }

    private static void q41(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        offsets[g] = float16(data, at + 2);
        nibbles(data, at + 4, 16, codes, c);
    }

    private static void q50(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        fiveBits(data, at + 2, codes, c, Int6.ZERO_POINT - 16);
    }

    private static void q51(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        offsets[g] = float16(data, at + 2);
        fiveBits(data, at + 4, codes, c, 0);
    }

    /**
     * 32 fifth bits, bit i for column i, and then the nibbles; {@code more} is added to the codes.
     */
    private static void fiveBits(ByteBuffer data, int at, byte[] codes, int c, int more) {
        int fifth = data.getInt(at);
        nibbles(data, at + 4, 16, codes, c);
        for (int i = 0; i < 32; ++i) {
            codes[c + i] = (byte) ((codes[c + i] | ((fifth >> i) & 1) << 4) + more);
        }
    }

    private static void q80(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        data.get(at + 2, codes, c, 32);
    }

    private static void q4k(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        kScales(data, at, scales, offsets, g);
        for (int i = 0; i < 4; ++i) {
            nibbles(data, at + 16 + 32 * i, 32, codes, c + 64 * i);
        }
    }

    /** Bit s of the byte of a column is the fifth bit in the s-th group of 32. */
    private static void q5k(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        kScales(data, at, scales, offsets, g);
        for (int i = 0; i < 4; ++i) {
            nibbles(data, at + 48 + 32 * i, 32, codes, c + 64 * i);
        }
        for (int i = 0; i < 256; ++i) {
            int fifth = data.get(at + 16 + i % 32) >> (i / 32) & 1;
            codes[c + i] |= (byte) (fifth << 4);
        }
    }

    /**
     * The eight scales and offsets of Q4_K and Q5_K: d and s, -m and t. The 6 bits of s and t are
     * in 12 bytes, by index i of the group:
     *
     * <pre>
     * byte 0 + i   lower six bits: s of i; upper two: the upper bits of s of i + 4
     * byte 4 + i   the same of t
     * byte 8 + i   lower four bits: the lower ones of s of i + 4;  upper four: those of t
     * </pre>
     */
    private static void kScales(ByteBuffer data, int at, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at);
        offsets[g] = -float16(data, at + 2);
        for (int i = 0; i < 4; ++i) {
            int s = data.get(at + 4 + i) & 0xff;
            int t = data.get(at + 8 + i) & 0xff;
            int lower = data.get(at + 12 + i) & 0xff;
            scales[g + 1 + i] = s & 63;
            offsets[g + 1 + i] = t & 63;
            scales[g + 5 + i] = (lower & 15) | s >> 6 << 4;
            offsets[g + 5 + i] = lower >> 4 | t >> 6 << 4;
        }
    }

    /**
     * Two halves of 128 columns. Of a half, 64 bytes hold the nibbles of all, and the pairs of bits
     * of byte l are the upper bits of the columns l, 32 + l, 64 + l and 96 + l.
     */
    private static void q6k(
            ByteBuffer data, int at, byte[] codes, int c, float[] scales, float[] offsets, int g) {
        scales[g] = float16(data, at + 208);
        for (int i = 0; i < 16; ++i) {
            scales[g + 1 + i] = data.get(at + 192 + i);
        }
        for (int half = 0; half < 2; ++half) {
            int first = c + 128 * half;
            nibbles(data, at + 64 * half, 64, codes, first);
            for (int i = 0; i < 128; ++i) {
                int upper = data.get(at + 128 + 32 * half + i % 32) >> (2 * (i / 32)) & 3;
                codes[first + i] |= (byte) (upper << 4);
            }
        }
    }
}
