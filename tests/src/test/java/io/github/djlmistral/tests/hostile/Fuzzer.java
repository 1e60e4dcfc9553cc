/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import com.sun.management.ThreadMXBean;
import io.github.djlmistral.tests.hub.HubFuzzTargets;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Hands mutated files of every kind to their readers, and checks what comes of it: nothing, or an
 * exception of ours; within 2 seconds of processor time and 256 MiB of allocations.
 *
 * <p>Arguments of the program: how many inputs (100,000), the seed (1), and the one input to
 * repeat. It prints a line for each kind and ends with status 1 if there was a fault. Input {@code
 * i} of a seed is always the same.
 */
final class Fuzzer {

    private static final long MOST_NANOS = 2_000_000_000;
    private static final long HANGS_AFTER_MS = 60_000;

    private final List<FuzzTarget> targets;
    private final List<FuzzTarget> wheel = new ArrayList<>();
    private final long seed;
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** What came of the inputs of one kind. */
    private static final class Figures {
        int inputs;
        int refused;
        long nanos;
        long mostNanos;
        long mostAllocated;
    }

    private final Map<String, Figures> figures = new TreeMap<>();
    private final AtomicReference<@Nullable String> current = new AtomicReference<>();

    Fuzzer(Path directory, long seed) throws IOException {
        targets = new ArrayList<>(FuzzTargets.of(directory));
        targets.addAll(HubFuzzTargets.of(directory));
        for (FuzzTarget target : targets) {
            for (int i = 0; i < target.weight(); i++) {
                wheel.add(target);
            }
        }
        this.seed = seed;
    }

    /** Checks that each example is read without an exception, so that mutations reach far. */
    void examples() throws Exception {
        for (FuzzTarget target : targets) {
            for (byte[] example : target.examples()) {
                try {
                    target.reader().read(example);
                } catch (Exception e) {
                    throw new IllegalStateException(target.name() + ": " + e, e);
                }
            }
        }
    }

    /** Runs one input and returns the failure, or null. */
    @Nullable String run(int index) {
        FuzzTarget target = wheel.get(index % wheel.size());
        byte[] content = new Mutator(seed * 1_000_003 + index).mutate(target);
        current.set("input " + index + ", " + target.name());
        Figures kind = figures.computeIfAbsent(target.name(), name -> new Figures());
        String fault = null;
        long bytes = threads.getCurrentThreadAllocatedBytes();
        long nanos = threads.getCurrentThreadCpuTime();
        try {
            target.reader().read(content);
        } catch (Throwable e) { // errors are failures too
            fault = Refusal.fault(e);
            kind.refused++;
        }
        nanos = threads.getCurrentThreadCpuTime() - nanos;
        bytes = threads.getCurrentThreadAllocatedBytes() - bytes;
        kind.inputs++;
        kind.nanos += nanos;
        kind.mostNanos = Math.max(kind.mostNanos, nanos);
        kind.mostAllocated = Math.max(kind.mostAllocated, bytes);
        if (fault == null && bytes > Refusal.MOST_ALLOCATED) {
            fault = "it allocated " + bytes + " bytes";
        }
        if (fault == null && nanos > MOST_NANOS) {
            fault = "it took " + nanos / 1_000_000 + " ms";
        }
        return fault == null ? null : current.get() + ": " + fault;
    }

    private void watch(PrintStream out) {
        Thread watchdog =
                new Thread(
                        () -> {
                            String last = null;
                            while (true) {
                                String now = current.get();
                                if (now != null && now.equals(last)) {
                                    out.println("hangs: " + now);
                                    Runtime.getRuntime().halt(2);
                                }
                                last = now;
                                try {
                                    Thread.sleep(HANGS_AFTER_MS);
                                } catch (InterruptedException e) {
                                    return;
                                }
                            }
                        });
        watchdog.setDaemon(true);
        watchdog.start();
    }

    private void report(PrintStream out) {
        out.printf(
                Locale.ROOT,
                "%-55s %8s %8s %9s %9s %9s%n",
                "kind",
                "inputs",
                "refused",
                "mean ms",
                "most ms",
                "most MiB");
        figures.forEach(
                (name, kind) ->
                        out.printf(
                                Locale.ROOT,
                                "%-55s %8d %8d %9.2f %9.1f %9.1f%n",
                                name,
                                kind.inputs,
                                kind.refused,
                                kind.nanos / 1e6 / kind.inputs,
                                kind.mostNanos / 1e6,
                                kind.mostAllocated / 1048576.0));
        long peak =
                ManagementFactory.getMemoryPoolMXBeans().stream()
                        .filter(pool -> pool.getType() == MemoryType.HEAP)
                        .map(MemoryPoolMXBean::getPeakUsage)
                        .mapToLong(usage -> usage.getUsed())
                        .sum();
        out.printf(
                Locale.ROOT,
                "heap: peak %.1f MiB with garbage, limit %.1f MiB%n",
                peak / 1048576.0,
                Runtime.getRuntime().maxMemory() / 1048576.0);
    }

    /** The long run. */
    public static void main(String[] arguments) throws Exception {
        int inputs = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 100_000;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1;
        Path directory = Files.createTempDirectory("fuzz");
        Fuzzer fuzzer = new Fuzzer(directory, seed);
        if (arguments.length > 2) {
            fuzzer.repeat(Integer.parseInt(arguments[2]));
            return;
        }
        fuzzer.examples();
        PrintStream out = System.out;
        fuzzer.watch(out);
        long start = System.nanoTime();
        int faults = 0;
        for (int i = 0; i < inputs; i++) {
            String fault = fuzzer.run(i);
            if (fault != null) {
                faults++;
                out.println(fault);
            }
        }
        fuzzer.report(out);
        out.printf(
                Locale.ROOT,
                "%d inputs, %d faults, %.0f s%n",
                inputs,
                faults,
                (System.nanoTime() - start) / 1e9);
        System.exit(faults == 0 ? 0 : 1);
    }

    private void repeat(int index) throws Exception {
        FuzzTarget target = wheel.get(index % wheel.size());
        byte[] content = new Mutator(seed * 1_000_003 + index).mutate(target);
        System.out.println(target.name() + ", " + content.length + " bytes");
        target.reader().read(content);
    }
}
