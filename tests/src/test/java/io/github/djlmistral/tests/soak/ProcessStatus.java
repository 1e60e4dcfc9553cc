/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What Linux says about this process. */
final class ProcessStatus {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private ProcessStatus() {}

    /** Returns the resident memory in MiB; null if it is not known on this system. */
    static @Nullable Long residentMiB() throws IOException {
        Long kibibytes = number(STATUS, "VmRSS:");
        return kibibytes == null ? null : kibibytes / 1024;
    }

    /** Returns the number of threads, native ones as well; null if it is not known. */
    static @Nullable Long threads() throws IOException {
        return number(STATUS, "Threads:");
    }

    /** Returns the processor's name. */
    static String processor() throws IOException {
        String name = field(PROCESSORS, "model name");
        return Runtime.getRuntime().availableProcessors()
                + " x "
                + (name == null ? System.getProperty("os.arch") : name.replaceAll(".*:\\s*", ""));
    }

    private static @Nullable Long number(Path file, String name) throws IOException {
        String line = field(file, name);
        return line == null ? null : Long.valueOf(line.replaceAll("\\D", ""));
    }

    private static @Nullable String field(Path file, String name) throws IOException {
        if (!Files.isReadable(file)) {
            return null;
        }
        List<String> lines = Files.readAllLines(file);
        return lines.stream().filter(line -> line.startsWith(name)).findFirst().orElse(null);
    }
}
