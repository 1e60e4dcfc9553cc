/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Data types of tensors in checkpoints. DJL's {@code DataType} cannot be used, since its PyTorch
 * engine does not support bfloat16.
 */
public enum Dtype {
    /** IEEE double precision. */
    FLOAT64("F64", 8),
    /** IEEE single precision. */
    FLOAT32("F32", 4),
    /** IEEE half precision: 5 bits of exponent, 10 of fraction. */
    FLOAT16("F16", 2),
    /** The upper half of a {@link #FLOAT32}: 8 bits of exponent, 7 of fraction. */
    BFLOAT16("BF16", 2),
    /** Signed 64-bit integers. */
    INT64("I64", 8),
    /** Signed 32-bit integers; GPTQ and AWQ pack eight 4-bit weights into one. */
    INT32("I32", 4),
    /** Signed bytes. */
    INT8("I8", 1),
    /** Unsigned bytes; bitsandbytes packs two 4-bit weights into one. */
    UINT8("U8", 1),
    /** Booleans, one byte each, 0 or 1. */
    BOOL("BOOL", 1);

    private final String safetensorsName;
    private final int bytes;

    Dtype(String safetensorsName, int bytes) {
        this.safetensorsName = safetensorsName;
        this.bytes = bytes;
    }

    /**
     * Finds a type by its name in PyTorch and transformers.
     *
     * @param name the name in {@code config.json}, such as {@code "bfloat16"}, or in Python, {@code
     *     "torch.bfloat16"}
     * @return the type of this name
     * @throws IllegalArgumentException if there is no such type; the message lists all types
     */
    public static Dtype of(String name) {
        String plain = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
        for (Dtype dtype : values()) {
            if (dtype.toString().equals(plain)) {
                return dtype;
            }
        }
        throw new IllegalArgumentException(
                "no dtype " + Quote.of(name) + "; supported are " + Arrays.toString(values()));
    }

    /** Returns the type with this name in safetensors headers, null if it is not supported. */
    static @Nullable Dtype ofSafetensors(String name) {
        for (Dtype dtype : values()) {
            if (dtype.safetensorsName.equals(name)) {
                return dtype;
            }
        }
        return null;
    }

    /**
     * Returns the size of an element.
     *
     * @return the size in bytes
     */
    public int bytes() {
        return bytes;
    }

    /**
     * Returns the name of this type in the header of a safetensors file.
     *
     * @return such as {@code "BF16"}
     */
    public String safetensorsName() {
        return safetensorsName;
    }

    /**
     * Returns the name of this type in PyTorch and transformers, see {@link #of}.
     *
     * @return such as {@code "bfloat16"}
     */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
