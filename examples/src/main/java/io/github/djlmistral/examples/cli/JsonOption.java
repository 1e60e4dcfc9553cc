/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.Map;
import picocli.CommandLine.Option;

/** The option {@code --json}: the result as one JSON object, for scripts. */
final class JsonOption {

    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    @Option(
            names = "--json",
            description = "Print the result as one JSON object to standard output.")
    boolean wanted;

    void print(Terminal terminal, Map<String, ?> result) {
        printLine(terminal, result);
    }

    /** Prints an object on one line. */
    static void printLine(Terminal terminal, Map<String, ?> result) {
        terminal.out().println(GSON.toJson(result));
        terminal.out().flush();
    }
}
