/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.internal.quantization.ScalarDequantizer;
import org.jspecify.annotations.Nullable;

/**
 * Entry point to the simd kernels. This class serves Java versions before 22; for newer ones the
 * multi-release jar has another class of the same name.
 */
public final class Simd {

    private Simd() {}

    /**
     * Returns why the simd kernels are not available.
     *
     * @return the cause and its remedy; null if they are available
     */
    public static @Nullable String missing() {
        return "they need Java 22 or newer, this is Java " + Runtime.version().feature();
    }

    /**
     * Creates a decoder.
     *
     * @param network the network
     * @return its decoder
     * @throws UnsupportedOperationException if the simd kernels are not available or do not support
     *     the network's shape; the message says why
     */
    @SuppressWarnings("DoNotCallSuggester") // the class for Java 22 does not always throw
    public static Decoder decoder(DecoderNetwork network) {
        throw new UnsupportedOperationException(missing());
    }

    /**
     * Returns the fastest dequantizer.
     *
     * @return the scalar one where the simd kernels are not available
     */
    public static Dequantizer dequantizer() {
        return new ScalarDequantizer();
    }
}
