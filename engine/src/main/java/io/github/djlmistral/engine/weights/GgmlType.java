/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Supported tensor types of GGUF files ({@code ggml_type}). Rows of quantized types consist of
 * blocks of equal size, each with its own scales.
 */
public enum GgmlType {
    /** IEEE single precision. */
    F32(0, 1, 4),
    /** IEEE half precision. */
    F16(1, 1, 2),
    /** The upper half of a {@link #F32}. */
    BF16(30, 1, 2),
    /** 4 bits, symmetric: a float16 scale, 32 codes. */
    Q4_0(2, 32, 2 + 16),
    /** 4 bits: a float16 scale and minimum, 32 codes. */
    Q4_1(3, 32, 2 + 2 + 16),
    /** 5 bits, symmetric: a float16 scale, the upper bits, the lower bits of 32 codes. */
    Q5_0(6, 32, 2 + 4 + 16),
    /** 5 bits: as {@link #Q5_0}, with a minimum after the scale. */
    Q5_1(7, 32, 2 + 2 + 4 + 16),
    /** 8 bits, symmetric: a float16 scale, 32 codes. */
    Q8_0(8, 32, 2 + 32),
    /** 4 bits: eight groups of 32 with scales and minima of 6 bits, which two float16 multiply. */
    Q4_K(12, 256, 2 + 2 + 12 + 128),
    /** 5 bits: as {@link #Q4_K}, with the upper bits before the lower ones. */
    Q5_K(13, 256, 2 + 2 + 12 + 32 + 128),
    /**
     * 6 bits, symmetric: sixteen groups of 16 with scales of 8 bits, which a float16 multiplies.
     */
    Q6_K(14, 256, 128 + 64 + 16 + 2);

    /** Names of unsupported types, for messages. */
    private static final Map<Integer, String> OTHERS =
            Map.ofEntries(
                    Map.entry(9, "Q8_1"),
                    Map.entry(10, "Q2_K"),
                    Map.entry(11, "Q3_K"),
                    Map.entry(15, "Q8_K"),
                    Map.entry(16, "IQ2_XXS"),
                    Map.entry(17, "IQ2_XS"),
                    Map.entry(18, "IQ3_XXS"),
                    Map.entry(19, "IQ1_S"),
                    Map.entry(20, "IQ4_NL"),
                    Map.entry(21, "IQ3_S"),
                    Map.entry(22, "IQ2_S"),
                    Map.entry(23, "IQ4_XS"),
                    Map.entry(24, "I8"),
                    Map.entry(25, "I16"),
                    Map.entry(26, "I32"),
                    Map.entry(27, "I64"),
                    Map.entry(28, "F64"),
                    Map.entry(29, "IQ1_M"),
                    Map.entry(34, "TQ1_0"),
                    Map.entry(35, "TQ2_0"),
                    Map.entry(39, "MXFP4"));

    private final int code;
    private final int blockSize;
    private final int blockBytes;

    GgmlType(int code, int blockSize, int blockBytes) {
        this.code = code;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** Returns the type of a code, null if it is not supported. */
    static @Nullable GgmlType of(int code) {
        for (GgmlType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        return null;
    }

    /** Returns such as "10 (Q2_K)". */
    static String describe(int code) {
        String name = OTHERS.get(code);
        return Integer.toUnsignedString(code) + (name == null ? "" : " (" + name + ")");
    }

    /** Returns "F32, F16, ...". */
    static String all() {
        return Arrays.stream(values()).map(GgmlType::name).collect(Collectors.joining(", "));
    }

    /** Returns the number of the type in files. */
    public int code() {
        return code;
    }

    /** Returns the number of weights in a block; 1 for unquantized types. */
    public int blockSize() {
        return blockSize;
    }

    /** Returns the size of a block in bytes. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Returns whether the type is quantized. */
    public boolean isQuantized() {
        return blockSize > 1;
    }

    /**
     * Returns the data type of an unquantized type.
     *
     * @throws IllegalStateException if the type {@linkplain #isQuantized is quantized}
     */
    public Dtype dtype() {
        return switch (this) {
            case F32 -> Dtype.FLOAT32;
            case F16 -> Dtype.FLOAT16;
            case BF16 -> Dtype.BFLOAT16;
            default -> throw new IllegalStateException(this + " is quantized");
        };
    }
}
