/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The long form of {@link SoakTest}. */
@Command(
        name = "Soak",
        mixinStandardHelpOptions = true,
        description = "Lets one model work for minutes, and looks for faults.")
final class Soak implements Callable<Integer> {

    @Option(names = "--minutes", description = "Of mixed load. Default: ${DEFAULT-VALUE}.")
    private double minutes = 10;

    @Option(names = "--threads", description = "Of mixed load. Default: ${DEFAULT-VALUE}.")
    private int threads = 64;

    @Option(
            names = "--tokens",
            description =
                    "In one text over a rolling cache; 0 for none. Default: ${DEFAULT-VALUE}.")
    private int tokens = 100_000;

    @Spec private CommandSpec spec;

    private Soak() {}

    /**
     * Runs it and exits, with 1 if anything was wrong.
     *
     * @param args options
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Soak()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        Consumer<String> log =
                line -> {
                    out.println(line);
                    out.flush();
                };
        log.accept(ProcessStatus.processor() + ", Java " + Runtime.version());
        List<String> faults = new ArrayList<>();
        if (tokens > 0) {
            for (String kernels : List.of("native", "torch")) {
                faults.addAll(new LongGeneration(kernels, tokens, log).run());
            }
        }
        if (minutes > 0) {
            Duration time = Duration.ofMillis((long) (minutes * 60_000));
            faults.addAll(new MixedLoad(threads, time, log).run());
        }
        faults.forEach(fault -> log.accept("FAULT: " + fault));
        log.accept(faults.isEmpty() ? "no faults" : faults.size() + " faults");
        return faults.isEmpty() ? 0 : 1;
    }
}
