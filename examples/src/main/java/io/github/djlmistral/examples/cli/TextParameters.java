/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The texts of a command that takes several. */
final class TextParameters {

    @Parameters(
            arity = "0..*",
            paramLabel = "TEXT",
            description = "The texts; the lines of standard input if - or omitted.")
    List<String> given = new ArrayList<>();

    @Option(
            names = "--truncation",
            description =
                    "Cut off the end of texts that are too long, which otherwise are an error.")
    boolean truncation;

    /** Returns the texts, read from standard input where that was asked for. */
    List<String> read(Terminal terminal) throws IOException {
        if (given.isEmpty() && Terminal.isTerminal(0)) {
            throw terminal.usage("there is no text: give one, or pipe lines in");
        }
        if (!given.isEmpty() && !given.equals(List.of("-"))) {
            return given;
        }
        List<String> lines = PromptOptions.input().lines().filter(line -> !line.isBlank()).toList();
        if (lines.isEmpty()) {
            throw terminal.usage("standard input has no text: pipe in lines that are not blank");
        }
        return lines;
    }
}
