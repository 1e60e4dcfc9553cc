/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import io.github.djlmistral.engine.weights.Dtype;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector species and conversions; a vector has L lanes of 32 bits: 4 (NEON), 8 (AVX2) or 16
 * (AVX-512).
 */
final class Lanes {

    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_PREFERRED;

    /** The number of lanes L. */
    static final int COUNT = FLOATS.length();

    /** L lanes of 16 bits. */
    static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(COUNT * Short.SIZE));

    /** At least L bytes; Java has no vectors below 64 bits. */
    static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, COUNT * Byte.SIZE)));

    /** Mask of the bits of a float16 after they are shifted to their positions in a float32. */
    private static final int FLOAT16_BITS = 0x8fffffff;

    /** 2^112, the difference of the exponent biases of float32 (127) and float16 (15). */
    static final float REBIAS = 0x1p112f;

    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Lanes() {}

    static FloatVector bfloat16(long address) {
        return ShortVector.fromMemorySegment(HALVES, Memory.ALL, address, Memory.ORDER)
                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                .reinterpretAsInts()
                .lanewise(LSHL, 16)
                .reinterpretAsFloats();
    }

    /**
     * Loads L float16 values, divided by 2^112: the bits are shifted to their positions in a
     * float32, whose exponent bias is larger by 112. Correct for subnormal values as well.
     */
    static FloatVector smallFloat16(long address) {
        return ShortVector.fromMemorySegment(HALVES, Memory.ALL, address, Memory.ORDER)
                .convertShape(ZERO_EXTEND_S2I, INTS, 0)
                .reinterpretAsInts()
                .lanewise(LSHL, 16)
                .lanewise(ASHR, 3)
                .and(FLOAT16_BITS)
                .reinterpretAsFloats();
    }

    static FloatVector float32(long address) {
        return FloatVector.fromMemorySegment(FLOATS, Memory.ALL, address, Memory.ORDER);
    }

    /** Loads L signed bytes as float32. */
    static FloatVector int8(long address) {
        return (FloatVector)
                ByteVector.fromMemorySegment(BYTES, Memory.ALL, address, Memory.ORDER)
                        .convertShape(B2F, FLOATS, 0);
    }

    /** Loads L values of a data type as float32. */
    static FloatVector load(Dtype dtype, long address) {
        return switch (dtype) {
            case FLOAT32 -> float32(address);
            case BFLOAT16 -> bfloat16(address);
            case FLOAT16 -> smallFloat16(address).mul(REBIAS);
            default -> throw new IllegalArgumentException(dtype + " is not computed with");
        };
    }

    /**
     * Computes e^x as 2^n · e^r with |r| ≤ ln(2)/2, and e^r by its Taylor series up to r^6/720; the
     * relative error is below 3e-7. Below -87 the result is e^-87 = 1.6e-38.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(-87f).min(88f);
        // adding 1.5 · 2^23 puts the nearest integer into the lowest bits
        FloatVector shifted = clamped.mul(1.442695f).add(12582912f);
        FloatVector n = shifted.sub(12582912f);
        FloatVector r = n.fma(broadcast(-355f / 512), clamped);
        r = n.fma(broadcast(2.1219444e-4f), r);
        FloatVector p = broadcast(1f / 720);
        p = p.fma(r, broadcast(1f / 120));
        p = p.fma(r, broadcast(1f / 24));
        p = p.fma(r, broadcast(1f / 6));
        p = p.fma(r, broadcast(0.5f));
        p = p.fma(r, broadcast(1f));
        p = p.fma(r, broadcast(1f));
        return p.reinterpretAsInts()
                .add(shifted.reinterpretAsInts().lanewise(LSHL, 23))
                .reinterpretAsFloats();
    }

    static FloatVector broadcast(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** Stores a value in a data type, rounded to nearest even. */
    static void put(Dtype dtype, long address, float value) {
        switch (dtype) {
            case FLOAT32 -> Memory.ALL.set(FLOAT, address, value);
            case BFLOAT16 -> {
                int bits = Float.floatToRawIntBits(value);
                Memory.ALL.set(SHORT, address, (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >> 16));
            }
            case FLOAT16 -> Memory.ALL.set(SHORT, address, Float.floatToFloat16(value));
            default -> throw new IllegalArgumentException(dtype + " is not computed with");
        }
    }
}
