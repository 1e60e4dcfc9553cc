/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import java.util.stream.Stream;

/** DJL's engines that the tests of engines run on. */
public final class Engines {

    private Engines() {}

    /** Returns the names in the system property {@code engines}, PyTorch and Rust by default. */
    public static Stream<String> all() {
        return Stream.of(System.getProperty("engines", "PyTorch,Rust").split(","));
    }
}
