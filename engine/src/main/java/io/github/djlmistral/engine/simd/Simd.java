/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.simd;

import io.github.djlmistral.engine.quantization.PlainUnpacker;
import io.github.djlmistral.engine.quantization.Unpacker;
import org.jspecify.annotations.Nullable;

/**
 * The way to the Vector API. This is the class that a Java older than 22 sees; from 22 on the
 * archive has another one of the same name.
 */
public final class Simd {

    private Simd() {}

    /**
     * Tells why there is no vector code.
     *
     * @return what is missing and how to get it; null if nothing is
     */
    public static @Nullable String missing() {
        return "they need Java 22 or newer, this is Java " + Runtime.version().feature();
    }

    /**
     * Makes a decoder.
     *
     * @param network the network
     * @return its decoder
     * @throws UnsupportedOperationException if {@link #missing} something, or the network has a
     *     shape that the vector code does not compute, in words
     */
    @SuppressWarnings("DoNotCallSuggester") // the other class does not always throw
    public static Decoder decoder(DecoderNetwork network) {
        throw new UnsupportedOperationException(missing());
    }

    /**
     * Returns what unpacks matrices fastest.
     *
     * @return an unpacker; the plain one if {@link #missing} something
     */
    public static Unpacker unpacker() {
        return new PlainUnpacker();
    }
}
