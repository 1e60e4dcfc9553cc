/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Output of a command: results to standard output, everything else to standard error. */
@Command // picocli wants it of a mixin without options
final class Terminal {

    /** Which of the streams 0, 1 and 2 are terminals, from the launcher: Java 17 cannot tell. */
    private static final String PROPERTY = "mistral.terminals";

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private CommandSpec spec;

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /** Returns the top-level command. */
    CommandLine root() {
        return spec.root().commandLine();
    }

    /** Returns the value of an option of the command, null if it is not given. */
    @Nullable Object option(String name) {
        return spec.findOption(name).getValue();
    }

    /** Creates the exception for invalid arguments. */
    ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    static boolean isTerminal(int stream) {
        return System.getProperty(PROPERTY, "").contains(Integer.toString(stream));
    }

    /** Prints a line to standard error, dimmed on a terminal. */
    void note(String line) {
        boolean dim = isTerminal(2) && Ansi.AUTO.enabled();
        err().println(dim ? Ansi.Style.faint.on() + line + Ansi.Style.faint.off() : line);
    }

    /** Asks a question on standard error; only an answer that begins with "y" is a yes. */
    boolean confirm(String question) throws IOException {
        err().print(question + " [y/N] ");
        err().flush();
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String answer = in.readLine();
        return answer != null && answer.strip().toLowerCase(Locale.ROOT).startsWith("y");
    }

    /**
     * Starts a progress bar on standard error, if that is a terminal.
     *
     * @param task name of the task
     * @param steps number of steps, -1 if unknown
     * @return the progress, to be closed
     */
    Progress progress(String task, long steps) {
        if (!isTerminal(2)) {
            return new Progress(null);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setTaskName(task)
                        .setInitialMax(steps)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .setConsumer(new ConsoleProgressBarConsumer(System.err, 80))
                        .clearDisplayOnFinish()
                        .build());
    }

    /**
     * Starts a progress bar with rate and remaining time on standard error, if that is a terminal.
     *
     * @param there bytes present at the start
     * @param all total bytes
     * @return the progress in bytes, to be closed
     */
    Progress download(long there, long all) {
        if (!isTerminal(2)) {
            return new Progress(null);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setInitialMax(all)
                        .startsFrom(there, Duration.ZERO)
                        .setUnit(" MiB", 1 << 20)
                        .showSpeed()
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .setConsumer(new ConsoleProgressBarConsumer(System.err, 80))
                        .clearDisplayOnFinish()
                        .build());
    }

    /**
     * Starts a progress bar with a text beside it and remaining time on standard error, if that is
     * a terminal.
     *
     * @param done steps done earlier
     * @param all number of steps
     * @return the progress in steps, to be closed
     */
    Progress training(long done, long all) {
        if (!isTerminal(2)) {
            return new Progress(null);
        }
        return new Progress(
                new ProgressBarBuilder()
                        .setInitialMax(all)
                        .startsFrom(done, Duration.ZERO)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .setConsumer(new ConsoleProgressBarConsumer(System.err, 100))
                        .clearDisplayOnFinish()
                        .build());
    }

    /** A progress bar, or none. */
    static final class Progress implements AutoCloseable {

        private final @Nullable ProgressBar bar;

        private Progress(@Nullable ProgressBar bar) {
            this.bar = bar;
        }

        void stepBy(long steps) {
            if (bar != null) {
                bar.stepBy(steps);
            }
        }

        /** Shows a text beside the bar. */
        void describe(String text) {
            if (bar != null) {
                bar.setExtraMessage(" " + text);
            }
        }

        @Override
        public void close() {
            if (bar != null) {
                bar.close();
            }
        }
    }
}
