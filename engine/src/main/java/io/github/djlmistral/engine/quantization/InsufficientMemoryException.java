/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** There is not the memory that a large result needs. The message says how much, and what to do. */
public final class InsufficientMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s*(\\d+) kB");

    private static final double GIB = 1 << 30;

    private InsufficientMemoryException(String message) {
        super(message);
    }

    /**
     * Checks that so much memory outside the heap can be had.
     *
     * @param purpose what it is for, for the message
     * @param bytes how much
     * @param remedy what to do if it cannot, for the message: "quantize ..."
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
        long direct = directLimit() - directUsed();
        if (bytes > direct) {
            throw new InsufficientMemoryException(
                    String.format(
                            Locale.ROOT,
                            "%s takes %.2f GiB of memory outside the heap, of which Java allows"
                                    + " %.2f GiB more; start it with -XX:MaxDirectMemorySize=%dg,"
                                    + " or %s",
                            purpose,
                            bytes / GIB,
                            direct / GIB,
                            (long) Math.ceil((bytes + directUsed()) / GIB),
                            remedy));
        }
    }

    /** What the machine, or the container, can give without swapping. */
    private static long available() {
        OperatingSystemMXBean system =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        try {
            String info = Files.readString(Path.of("/proc/meminfo"), StandardCharsets.ISO_8859_1);
            Matcher matcher = AVAILABLE.matcher(info);
            if (matcher.find()) {
                // the file is that of the machine, the total that of the container
                long kibibytes = Long.parseLong(matcher.group(1));
                return Math.min(kibibytes * 1024, system.getTotalMemorySize());
            }
        } catch (IOException e) {
            // not Linux: below is what other systems tell
            return system.getFreeMemorySize();
        }
        return system.getFreeMemorySize();
    }

    private static long directLimit() {
        HotSpotDiagnosticMXBean machine =
                ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        long limit =
                machine == null
                        ? 0
                        : Long.parseLong(machine.getVMOption("MaxDirectMemorySize").getValue());
        // 0 stands for as much as the heap may have
        return limit == 0 ? Runtime.getRuntime().maxMemory() : limit;
    }

    private static long directUsed() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
