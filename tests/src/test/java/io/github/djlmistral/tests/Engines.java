/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import java.util.stream.Stream;

/** DJL's engines that the tests run on, and what they compute with. */
public final class Engines {

    private Engines() {}

    /** Returns the names in the system property {@code engines}, PyTorch and Rust by default. */
    public static Stream<String> all() {
        return Stream.of(System.getProperty("engines", "PyTorch,Rust").split(","));
    }

    /** Returns the kernels that are chosen on a CPU with the PyTorch engine. */
    public static String fastestKernels() {
        return InstructionSet.missing() == null ? "native" : "torch";
    }
}
