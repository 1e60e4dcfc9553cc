/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Result of {@link BenchCommand}.
 *
 * @param model the model's name
 * @param network the network
 * @param threads the number of CPU threads
 * @param tests the tests with their times
 * @param speculation the test of speculative decoding, null if not measured
 * @param loadSeconds time to load or create the network
 * @param residentBytes resident memory after loading, null if unknown
 * @param peakBytes peak resident memory until the end of the tests, null if unknown
 * @param memoryRead memory bandwidth in GB/s, null if not measured
 */
record BenchReport(
        String model,
        MistralForCausalLM network,
        int threads,
        List<SpeedTest> tests,
        @Nullable SpeculationTest speculation,
        double loadSeconds,
        @Nullable Long residentBytes,
        @Nullable Long peakBytes,
        @Nullable Double memoryRead) {

    private static final String ROW =
            "| %-24s | %10s | %9s | %-16s | %7s | %12s | %18s | %7s | %7s |%n";

    Map<String, Object> json() {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", model);
        object.put("parameters", network.config().parameterCount());
        object.put("weights_bytes", network.weightBytes());
        object.put("bytes_per_pass", network.bytesPerPass());
        object.put("load_seconds", loadSeconds);
        object.put("resident_memory_bytes", residentBytes);
        object.put("peak_memory_bytes", peakBytes);
        object.put("memory_read_gigabytes_per_second", memoryRead);
        object.put("threads", threads);
        object.put("kernels", ModelOptions.describe(network));
        object.put("tests", tests.stream().map(SpeedTest::result).toList());
        object.put("speculation", speculation == null ? null : speculation.result());
        return object;
    }

    void print(Terminal terminal) {
        terminal.out()
                .printf(
                        ROW, "model", "size", "params", "kernels", "threads", "test", "t/s", "GB/s",
                        "GMAC/s");
        terminal.out()
                .println(
                        "| ------------------------ | ---------: | --------: | ---------------- |"
                                + " ------: | -----------: | -----------------: | ------: |"
                                + " ------: |");
        for (SpeedTest test : tests) {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            ROW,
                            model,
                            Units.bytes(network.weightBytes()),
                            Units.count(network.config().parameterCount()),
                            network.kernels().name() + " " + network.kernels().dtype(),
                            threads,
                            test.name(),
                            String.format(
                                    Locale.ROOT, "%.2f ± %.2f", test.mean(), test.deviation()),
                            String.format(Locale.ROOT, "%.2f", test.gigabytesPerSecond()),
                            String.format(Locale.ROOT, "%.2f", test.gigamacsPerSecond()));
        }
        if (speculation != null) {
            terminal.out().println(speculation.describe());
        }
        StringBuilder note = new StringBuilder(network.kernelReason());
        note.append(String.format(Locale.ROOT, "; loaded in %.2f s", loadSeconds));
        if (residentBytes != null && peakBytes != null) {
            note.append(", memory ").append(Units.bytes(residentBytes));
            note.append(", at most ").append(Units.bytes(peakBytes));
        }
        terminal.note(note.toString());
        if (memoryRead != null) {
            terminal.note(String.format(Locale.ROOT, "memory is read at %.2f GB/s", memoryRead));
            for (SpeedTest test : tests) {
                double share = 100 * test.gigabytesPerSecond() / memoryRead;
                if (test.generates()) {
                    terminal.note(test.name() + " reads at " + Math.round(share) + " % of that");
                }
            }
        }
    }
}
