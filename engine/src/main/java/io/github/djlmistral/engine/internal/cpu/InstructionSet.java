/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An instruction set that the native kernels are compiled for. All give the same bits.
 *
 * <p>The order is that of the tables in {@code jni.c}, the fastest of an architecture last.
 */
public enum InstructionSet {
    /** Intel since Haswell (2013), AMD since Excavator (2015). */
    AVX2("AVX2"),
    /** Intel since Alder Lake (2021), AMD since Zen 5. */
    AVXVNNI("AVX-VNNI"),
    /** Intel since Ice Lake (2019), AMD since Zen 4. */
    AVX512("AVX-512 VNNI"),
    /** ARM since 8.2 with dot products: Apple's since M1, AWS Graviton since 2. */
    NEON("NEON");

    private final String text;

    InstructionSet(String text) {
        this.text = text;
    }

    /** Returns the index in the tables of the library. */
    int index() {
        return this == NEON ? 0 : ordinal();
    }

    /**
     * Returns why no instruction set is available.
     *
     * @return the cause; null if one is
     */
    public static @Nullable String missing() {
        return NativeLibrary.missing();
    }

    /**
     * Returns the instruction sets that processor and operating system support, the fastest last.
     *
     * @return an empty list if the library is not available, see {@link #missing}
     */
    public static List<InstructionSet> available() {
        if (NativeLibrary.missing() != null) {
            return List.of();
        }
        int bits = NativeLibrary.instructionSets();
        return NativeLibrary.ARM
                ? List.of(NEON)
                : Arrays.stream(values())
                        .filter(set -> set != NEON && (bits >> set.ordinal() & 1) == 1)
                        .toList();
    }

    @Override
    public String toString() {
        return text;
    }
}
