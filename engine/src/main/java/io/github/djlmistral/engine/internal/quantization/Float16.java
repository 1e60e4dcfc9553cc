/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;

/** Conversions of float16 (IEEE binary16), which Java has from version 20 on. */
public final class Float16 {

    /** 2^112, the difference of the two exponents' biases. */
    private static final float REBIAS = 0x1p112f;

    private Float16() {}

    /** Converts to float32, exactly. */
    public static float toFloat(short half) {
        if ((half & 0x7c00) == 0x7c00) { // infinite or no number
            return Float.intBitsToFloat((half & 0x8000) << 16 | 0x7f800000 | (half & 0x3ff) << 13);
        }
        // exponent and fraction in their places: too small by 2^112, also where half is subnormal
        float value = Float.intBitsToFloat((half & 0x7fff) << 13) * REBIAS;
        return half < 0 ? -value : value;
    }

    /** Rounds to the nearest float16, ties to even; infinite from 65520 on. */
    public static short of(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        float magnitude = Math.abs(value);
        if (!(magnitude < 65520f)) {
            return (short) (sign | (Float.isNaN(value) ? 0x7e00 : 0x7c00));
        }
        if (magnitude < 0x1p-14f) { // subnormal: a multiple of 2^-24, which rint rounds to
            return (short) (sign | (int) Math.rint((double) magnitude * 0x1p24));
        }
        int rounded = (bits & 0x7fffffff) + 0xfff + (bits >>> 13 & 1);
        return (short) (sign | (rounded - (112 << 23)) >> 13);
    }

    /**
     * Reads a float16 or float32 value.
     *
     * @param from the values
     * @param type float16 or float32
     * @param index the index in values, not bytes
     */
    public static float get(ByteBuffer from, Dtype type, int index) {
        return type == Dtype.FLOAT32 ? from.getFloat(4 * index) : toFloat(from.getShort(2 * index));
    }

    /** Writes a float16 or float32 value; the parameters are those of {@link #get}. */
    static void put(ByteBuffer to, Dtype type, int index, float value) {
        if (type == Dtype.FLOAT32) {
            to.putFloat(4 * index, value);
        } else {
            to.putShort(2 * index, of(value));
        }
    }
}
