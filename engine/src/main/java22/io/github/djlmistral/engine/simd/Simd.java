/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.simd;

import io.github.djlmistral.engine.quantization.PlainUnpacker;
import io.github.djlmistral.engine.quantization.Unpacker;
import org.jspecify.annotations.Nullable;

/** The way to the Vector API, for Java 22 and newer; see the class of the same name for Java 17. */
public final class Simd {

    private Simd() {}

    /**
     * Tells why there is no vector code.
     *
     * @return what is missing and how to get it; null if nothing is
     */
    public static @Nullable String missing() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
                ? null
                : "start Java with --add-modules jdk.incubator.vector";
    }

    /**
     * Makes a decoder.
     *
     * @param network the network
     * @return its decoder
     * @throws UnsupportedOperationException if {@link #missing} something, or the network has a
     *     shape that the vector code does not compute, in words
     */
    public static Decoder decoder(DecoderNetwork network) {
        String missing = missing();
        if (missing != null) {
            throw new UnsupportedOperationException(missing);
        }
        return new SimdDecoder(network);
    }

    /**
     * Returns what unpacks matrices fastest.
     *
     * @return an unpacker; the plain one if {@link #missing} something
     */
    public static Unpacker unpacker() {
        return missing() == null ? new SimdUnpacker(Team.SHARED) : new PlainUnpacker();
    }
}
