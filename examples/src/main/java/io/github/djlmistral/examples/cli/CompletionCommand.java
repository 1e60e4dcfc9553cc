/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mistral completion}. */
@Command(
        name = "completion",
        description = "Prints the completion script for bash and zsh.",
        customSynopsis = "mistral completion",
        footer = {
            "  source <(mistral completion)",
            "                    for this shell; in ~/.bashrc or ~/.zshrc for all"
        })
public final class CompletionCommand implements Runnable {

    @Mixin private final Terminal terminal = new Terminal();

    /** Used by picocli. */
    public CompletionCommand() {}

    @Override
    public void run() {
        terminal.out().print(AutoComplete.bash("mistral", terminal.root()));
        terminal.out().flush();
    }
}
