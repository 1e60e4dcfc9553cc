/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import com.sun.management.OperatingSystemMXBean;
import io.github.djlmistral.engine.quantization.InsufficientMemoryException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/** The memory available without swapping, of the machine or the container. */
public final class AvailableMemory {

    private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s*(\\d+) kB");

    private static final Pattern TOTAL = Pattern.compile("MemTotal:\\s*(\\d+) kB");

    /** The page cache of a container, which the kernel can drop, in bytes. */
    private static final Pattern CGROUP_2 =
            Pattern.compile("^(?:in)?active_file (\\d+)$", Pattern.MULTILINE);

    private static final Pattern CGROUP_1 =
            Pattern.compile("^total_(?:in)?active_file (\\d+)$", Pattern.MULTILINE);

    private static final double GIB = 1 << 30;

    private AvailableMemory() {}

    /**
     * Checks that memory is available.
     *
     * @param purpose the use of the memory, for the message: "loading ..."
     * @param bytes the size needed, in bytes
     * @param remedy the advice if there is too little, for the message: "quantize ..."
     * @throws InsufficientMemoryException if there is too little
     */
    public static void check(String purpose, long bytes, String remedy) {
        long available = available();
        if (bytes > available) {
            throw new InsufficientMemoryException(
                    String.format(
                            Locale.ROOT,
                            "%s takes %.2f GiB of memory, %.2f GiB are available; %s",
                            purpose,
                            bytes / GIB,
                            available / GIB,
                            remedy));
        }
    }

    /** Of the machine or, if it is less, of the container. */
    private static long available() {
        OperatingSystemMXBean system =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        String machine = read("/proc/meminfo");
        if (!AVAILABLE.matcher(machine).find()) {
            return system.getFreeMemorySize(); // not Linux
        }
        long available = 1024 * sum(AVAILABLE, machine);
        if (system.getTotalMemorySize() >= 1024 * sum(TOTAL, machine)) {
            return available;
        }
        // in a container the page cache counts as used
        long cached =
                sum(CGROUP_2, read("/sys/fs/cgroup/memory.stat"))
                        + sum(CGROUP_1, read("/sys/fs/cgroup/memory/memory.stat"));
        return Math.min(available, system.getFreeMemorySize() + cached);
    }

    private static long sum(Pattern pattern, String text) {
        return pattern.matcher(text).results().mapToLong(r -> Long.parseLong(r.group(1))).sum();
    }

    /** The text of a file; empty where there is none. */
    private static String read(String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
