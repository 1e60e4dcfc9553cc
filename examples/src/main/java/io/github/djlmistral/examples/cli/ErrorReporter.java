/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.engine.quantization.InsufficientMemoryException;
import io.github.djlmistral.engine.training.NonFiniteLossException;
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

/** Reports errors in one line on standard error: cause and remedy. */
public final class ErrorReporter {

    /** Exceptions with messages for users; for all others the type is printed as well. */
    private static final List<Class<? extends Exception>> EXPECTED =
            List.of(
                    IOException.class,
                    IllegalArgumentException.class,
                    MalformedModelException.class,
                    ModelNotFoundException.class,
                    InsufficientMemoryException.class,
                    NonFiniteLossException.class,
                    TranslateException.class);

    private ErrorReporter() {}

    /**
     * Reports invalid arguments.
     *
     * @param fault the error
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
                remedy = "quote a text with spaces; " + remedy;
            }
        }
        String cause = String.valueOf(fault.getMessage()).replaceFirst("\\.$", "");
        print(command.getErr(), cause + "; " + remedy);
        return CommandLine.ExitCode.USAGE;
    }

    /**
     * Reports a command that failed.
     *
     * @param fault the error
     * @param command the command
     * @param debug whether to print the stack trace
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

    /** Returns cause and remedy of an error, in one line. */
    static String message(Throwable fault) {
        Throwable cause = fault.getCause();
        // DJL wraps the exceptions of our translators and block factory
        boolean wrapper =
                fault instanceof TranslateException || fault instanceof UncheckedIOException;
        if (wrapper && cause != null) {
            return message(cause);
        }
        String text = Objects.requireNonNullElse(fault.getMessage(), "");
        if (fault instanceof NoSuchFileException) {
            return "no such file: " + text;
        }
        if (fault instanceof AccessDeniedException) {
            return "access denied: " + text;
        }
        if (fault instanceof FileSystemException file && file.getReason() == null) {
            return "cannot access " + text;
        }
        boolean expected = EXPECTED.stream().anyMatch(type -> type.isInstance(fault));
        return expected && !text.isEmpty()
                ? text
                : fault.getClass().getSimpleName() + ": " + text + "; --debug shows where";
    }

    private static void print(PrintWriter err, String message) {
        // PyTorch's messages have many lines
        String line =
                Stream.of(message.split("\\R", -1))
                        .map(String::strip)
                        .filter(part -> !part.isEmpty())
                        .limit(3)
                        .reduce((a, b) -> a + " " + b)
                        .orElse("unknown error");
        err.println("mistral: " + line);
    }
}
