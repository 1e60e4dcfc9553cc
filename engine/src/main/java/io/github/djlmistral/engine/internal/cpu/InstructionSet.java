/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.util.Utils;
import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An instruction set that the native kernels are compiled for. All give the same bits.
 *
 * <p>The fastest of an architecture is the last one.
 */
public enum InstructionSet {
    /** Intel since Haswell (2013), AMD since Excavator (2015). */
    AVX2("AVX2", 0),
    /** Intel since Alder Lake (2021), AMD since Zen 5. */
    AVXVNNI("AVX-VNNI", 1),
    /** Intel since Ice Lake (2019), AMD since Zen 4. */
    AVX512("AVX-512 VNNI", 2),
    /** AVX-512 with products of int8 matrices: Intel since Sapphire Rapids (2023), on Linux. */
    AMX("AVX-512 VNNI, AMX", 3),
    /** ARM since 8.2 with dot products: Apple's since M1, AWS Graviton since 2. */
    NEON("NEON", 0),
    /** NEON with products of 8-bit matrices: Apple's since M2, AWS Graviton since 3. */
    I8MM("NEON I8MM", 1);

    /** The environment variable, or system property, that chooses the instruction set. */
    public static final String VARIABLE = "MISTRAL_NATIVE";

    private static final String AUTO = "auto";

    private final String text;
    private final int index;

    InstructionSet(String text, int index) {
        this.text = text;
        this.index = index;
    }

    /** Returns the index in the tables of {@code jni.c} for the architecture. */
    public int index() {
        return index;
    }

    /**
     * Checks a value of the option {@code native}.
     *
     * @param option {@code "auto"}, or the lower-case name of a constant
     * @throws IllegalArgumentException if it is another one; the message lists the values
     */
    public static void check(String option) {
        requested(option, "native");
    }

    /**
     * Returns the instruction set to compute with.
     *
     * @param option the value of the option {@code native}; {@code "auto"} chooses the one that
     *     {@link #VARIABLE} names, or the fastest if it is not set
     * @return one of {@link #available}
     * @throws IllegalArgumentException if option or variable have an unknown value, or name an
     *     instruction set that processor or operating system do not support; the message lists
     *     those that they do
     * @throws IllegalStateException if none is available, see {@link #missing}
     */
    public static InstructionSet choose(String option) {
        List<InstructionSet> available = available();
        if (available.isEmpty()) {
            throw new IllegalStateException(missing());
        }
        String source = "native";
        InstructionSet chosen = requested(option, source);
        String variable = Utils.getEnvOrSystemProperty(VARIABLE);
        if (chosen == null && variable != null && !variable.isEmpty()) {
            source = VARIABLE;
            chosen = requested(variable, source);
        }
        if (chosen == null) {
            return available.get(available.size() - 1);
        }
        if (!available.contains(chosen)) {
            throw new IllegalArgumentException(
                    source
                            + " is \""
                            + chosen.option()
                            + "\", which this system does not support: choose "
                            + options(available));
        }
        return chosen;
    }

    /** Returns null for {@link #AUTO}. */
    private static @Nullable InstructionSet requested(String value, String source) {
        if (value.equals(AUTO)) {
            return null;
        }
        for (InstructionSet set : values()) {
            if (set.option().equals(value)) {
                return set;
            }
        }
        throw new IllegalArgumentException(
                source + " is " + Quote.of(value) + ": choose " + options(List.of(values())));
    }

    private String option() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Lists values as {@code "auto", "avx2" or "avx512"}. */
    private static String options(List<InstructionSet> sets) {
        String last = sets.get(sets.size() - 1).option();
        return Stream.concat(Stream.of(AUTO), sets.stream().map(InstructionSet::option))
                .map(option -> (option.equals(last) ? " or \"" : ", \"") + option + "\"")
                .collect(Collectors.joining())
                .substring(2);
    }

    /**
     * Returns why no instruction set is available.
     *
     * @return the cause; null if one is
     */
    public static @Nullable String missing() {
        return Detected.MISSING;
    }

    /**
     * Returns the instruction sets that processor and operating system support, the fastest last.
     *
     * @return an empty list if there are none, see {@link #missing}
     */
    public static List<InstructionSet> available() {
        return Detected.SETS;
    }

    @Override
    public String toString() {
        return text;
    }

    /** Detection loads the library, names do not. */
    private static final class Detected {

        static final @Nullable String MISSING;
        static final List<InstructionSet> SETS;

        static {
            String missing = NativeLibrary.missing();
            List<InstructionSet> sets = List.of();
            if (missing == null) {
                try {
                    sets = detect();
                    missing =
                            sets.isEmpty()
                                    ? "the processor has neither AVX2 with FMA and F16C nor ARM's dot products"
                                    : null;
                } catch (IOException | LinkageError e) {
                    missing = "the instruction sets of the processor cannot be detected: " + e;
                }
            }
            MISSING = missing;
            SETS = sets;
        }

        private Detected() {}

        private static List<InstructionSet> detect() throws IOException {
            if (System.getProperty("os.arch", "").equals("aarch64")) {
                return ArmFeatures.instructionSets();
            }
            int bits = NativeLibrary.instructionSets();
            return Stream.of(AVX2, AVXVNNI, AVX512, AMX)
                    .filter(set -> (bits >> set.index & 1) == 1)
                    .toList();
        }
    }
}
