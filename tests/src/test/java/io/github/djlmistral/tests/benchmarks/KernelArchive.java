/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes the TorchScript archive of the {@code torch} kernels to the file given as argument, for
 * {@code tests/reference/gpu.py}.
 */
final class KernelArchive {

    private KernelArchive() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("give one argument, the file to write");
        }
        try (InputStream archive = TorchKernels.archive()) {
            Files.copy(archive, Path.of(arguments[0]), StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
