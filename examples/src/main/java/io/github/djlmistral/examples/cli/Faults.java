/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.engine.quantization.InsufficientMemoryException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Tells the user what went wrong, in one line on standard error: cause and remedy. */
public final class Faults {

    /** Exceptions whose messages are written for users; of all others the type says something. */
    private static final List<Class<? extends Exception>> EXPECTED =
            List.of(
                    IOException.class,
                    IllegalArgumentException.class,
                    MalformedModelException.class,
                    ModelNotFoundException.class,
                    InsufficientMemoryException.class,
                    TranslateException.class);

    private Faults() {}

    /**
     * Reports arguments that make no sense.
     *
     * @param fault what is wrong with them
     * @return the exit code
     */
    public static int usage(ParameterException fault) {
        CommandLine command = fault.getCommandLine();
        String remedy = "see '" + command.getCommandSpec().qualifiedName() + " --help'";
        if (fault instanceof UnmatchedArgumentException unmatched) {
            List<String> similar = unmatched.getSuggestions();
            if (unmatched.isUnknownOption() && !similar.isEmpty()) {
                remedy = "did you mean " + String.join(" or ", similar) + "? " + remedy;
            } else if (!unmatched.isUnknownOption()) {
                remedy = "put a text with spaces into quotes; " + remedy;
            }
        }
        String cause = String.valueOf(fault.getMessage()).replaceFirst("\\.$", "");
        print(command.getErr(), cause + "; " + remedy);
        return CommandLine.ExitCode.USAGE;
    }

    /**
     * Reports a command that failed.
     *
     * @param fault why
     * @param command which
     * @param debug whether the stack trace is wanted
     * @return the exit code
     */
    public static int execution(Exception fault, CommandLine command, boolean debug) {
        PrintWriter err = command.getErr();
        if (debug) {
            fault.printStackTrace(err);
        }
        print(err, message(fault));
        return CommandLine.ExitCode.SOFTWARE;
    }

    /** Returns cause and remedy of a failure, in one line. */
    static String message(Throwable fault) {
        Throwable cause = fault.getCause();
        // DJL wraps what our translators and block factory have thrown
        boolean wrapper =
                fault instanceof TranslateException || fault instanceof UncheckedIOException;
        if (wrapper && cause != null) {
            return message(cause);
        }
        String text = Objects.requireNonNullElse(fault.getMessage(), "");
        if (fault instanceof NoSuchFileException) {
            return "there is no file " + text;
        }
        if (fault instanceof AccessDeniedException) {
            return "not allowed to use the file " + text;
        }
        if (fault instanceof FileSystemException file && file.getReason() == null) {
            return "cannot use the file " + text;
        }
        boolean expected = EXPECTED.stream().anyMatch(type -> type.isInstance(fault));
        return expected && !text.isEmpty()
                ? text
                : fault.getClass().getSimpleName() + ": " + text + "; --debug shows where";
    }

    private static void print(PrintWriter err, String message) {
        // PyTorch's messages go on for pages
        String line =
                Stream.of(message.split("\\R", -1))
                        .map(String::strip)
                        .filter(part -> !part.isEmpty())
                        .limit(3)
                        .reduce((a, b) -> a + " " + b)
                        .orElse("unknown fault");
        err.println("mistral: " + line);
    }
}
