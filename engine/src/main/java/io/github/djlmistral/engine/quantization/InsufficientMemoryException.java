/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * There is too little memory for a large result. The message says how much is needed, and the
 * remedy.
 */
public final class InsufficientMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s*(\\d+) kB");

    private static final Pattern TOTAL = Pattern.compile("MemTotal:\\s*(\\d+) kB");

    /** What the kernel can drop of a container's memory, in bytes. */
    private static final Pattern CGROUP_2 =
            Pattern.compile("^(?:in)?active_file (\\d+)$", Pattern.MULTILINE);

    private static final Pattern CGROUP_1 =
            Pattern.compile("^total_(?:in)?active_file (\\d+)$", Pattern.MULTILINE);

    private static final double GIB = 1 << 30;

    private InsufficientMemoryException(String message) {
        super(message);
    }

    /**
     * Checks that memory is available.
     *
     * @param purpose what it is for, for the message
     * @param bytes how much
     * @param remedy what to do if there is too little, for the message: "quantize ..."
     * @throws InsufficientMemoryException if there is too little
     */
    static void check(String purpose, long bytes, String remedy) {
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

    /** What can be had without swapping: of the machine or, if less, of the container. */
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
        // a container, where what is cached of files counts as used
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
