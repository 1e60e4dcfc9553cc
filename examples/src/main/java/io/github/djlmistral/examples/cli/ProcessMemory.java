/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The memory of this process, JVM and native, in bytes; Linux tells it, others do not. */
final class ProcessMemory {

    private static final Path STATUS = Path.of("/proc/self/status");

    private ProcessMemory() {}

    /** Returns what it has now, mapped files included where they were read; null if unknown. */
    static @Nullable Long resident() throws IOException {
        return field("VmRSS:");
    }

    /** Returns the most it ever had; null if unknown. */
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
