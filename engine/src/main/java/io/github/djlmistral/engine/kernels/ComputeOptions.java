/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.List;

/**
 * Kernels, data type and instruction set of a network, by name.
 *
 * @param kernels {@code "auto"}, {@code "native"} (C, on CPUs), {@code "torch"} or {@code
 *     "reference"}
 * @param dtype {@code "auto"} or a name of {@link Dtype}, such as {@code "bfloat16"}
 * @param instructionSet of the native kernels, the model argument {@code native}: {@code "avx2"},
 *     {@code "avxvnni"}, {@code "avx512"}, {@code "amx"}, {@code "neon"} or {@code "i8mm"}, which
 *     all give the same bits. {@code "auto"} chooses the one that the environment variable {@code
 *     MISTRAL_NATIVE} names, otherwise the fastest that processor and operating system support.
 *     Naming one requests the native kernels: {@code kernels} becomes {@code "native"} if it is
 *     {@code "auto"}
 * @param kvCacheDtype the data type of KV caches: {@code "auto"}, that of the weights, or {@code
 *     "int8"} with a scale a head and token, which takes about half the memory of 16 bits; the
 *     native kernels only
 */
public record ComputeOptions(
        String kernels, String dtype, String instructionSet, String kvCacheDtype) {

    /** The default of all options. */
    public static final String DEFAULT = "auto";

    private static final List<String> KERNELS = List.of(DEFAULT, "native", "torch", "reference");

    /** Chooses kernels, data type and instruction set for device, checkpoint and processor. */
    public static final ComputeOptions AUTO =
            new ComputeOptions(DEFAULT, DEFAULT, DEFAULT, DEFAULT);

    /**
     * Validates the names.
     *
     * @throws IllegalArgumentException if a name is unknown; the message lists the known ones. Also
     *     if an instruction set is named, but other kernels than the native ones
     */
    public ComputeOptions {
        if (!KERNELS.contains(kernels)) {
            throw new IllegalArgumentException(
                    "unknown kernels "
                            + Quote.of(kernels)
                            + ": choose \"auto\", \"native\", \"torch\" or \"reference\"");
        }
        if (!dtype.equals(DEFAULT)) {
            Dtype.of(dtype);
        }
        InstructionSet.check(instructionSet);
        if (!kvCacheDtype.equals(DEFAULT) && !kvCacheDtype.equals("int8")) {
            throw new IllegalArgumentException(
                    "unknown kv_cache_dtype "
                            + Quote.of(kvCacheDtype)
                            + ": choose \"auto\" or \"int8\"");
        }
        if (!instructionSet.equals(DEFAULT)) {
            kernels = kernels.equals(DEFAULT) ? "native" : kernels;
            if (!kernels.equals("native")) {
                throw new IllegalArgumentException(
                        "native is "
                                + Quote.of(instructionSet)
                                + ", but kernels is "
                                + Quote.of(kernels)
                                + ": leave out one of the two");
            }
        }
    }

    /**
     * Chooses instruction set and type of KV caches.
     *
     * @param kernels as above
     * @param dtype as above
     * @throws IllegalArgumentException if a name is unknown; the message lists the known ones
     */
    public ComputeOptions(String kernels, String dtype) {
        this(kernels, dtype, DEFAULT, DEFAULT);
    }
}
