/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Resident memory of this process, in bytes; known on Linux only. */
final class ProcessMemory {

    private static final Path STATUS = Path.of("/proc/self/status");

    private ProcessMemory() {}

    /** Returns the resident memory, pages of mapped files included; null if unknown. */
    static @Nullable Long resident() throws IOException {
        return field("VmRSS:");
    }

    /** Returns the peak resident memory; null if unknown. */
    static @Nullable Long peak() throws IOException {
        return field("VmHWM:");
    }

    private static @Nullable Long field(String name) throws IOException {
        if (!Files.isReadable(STATUS)) {
            return null;
        }
        for (String line : Files.readAllLines(STATUS)) {
            if (line.startsWith(name)) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return null;
    }
}
