/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.engine.Engine;
import io.github.djlmistral.examples.cli.BenchCommand;
import io.github.djlmistral.examples.cli.ChatCommand;
import io.github.djlmistral.examples.cli.ClassifyCommand;
import io.github.djlmistral.examples.cli.CompletionCommand;
import io.github.djlmistral.examples.cli.EmbedCommand;
import io.github.djlmistral.examples.cli.ErrorReporter;
import io.github.djlmistral.examples.cli.GenerateCommand;
import io.github.djlmistral.examples.cli.InfoCommand;
import io.github.djlmistral.examples.cli.ListCommand;
import io.github.djlmistral.examples.cli.LogitsCommand;
import io.github.djlmistral.examples.cli.MergeCommand;
import io.github.djlmistral.examples.cli.PerplexityCommand;
import io.github.djlmistral.examples.cli.PullCommand;
import io.github.djlmistral.examples.cli.QuantizeCommand;
import io.github.djlmistral.examples.cli.RemoveCommand;
import io.github.djlmistral.examples.cli.ServeCommand;
import io.github.djlmistral.examples.cli.TokenizeCommand;
import io.github.djlmistral.examples.cli.TrainCommand;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The {@code mistral} command line, started by the script {@code examples/mistral}. */
@Command(
        name = "mistral",
        description = "Mistral language models on the Java virtual machine.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = MistralCli.Version.class,
        usageHelpAutoWidth = true,
        sortOptions = false,
        synopsisHeading = "Usage: ",
        descriptionHeading = "%n",
        optionListHeading = "%nOptions:%n",
        commandListHeading = "%nCommands:%n",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:success", "1:failure, explained on standard error", "2:invalid usage"},
        footerHeading = "%nExamples:%n",
        footer = {
            "  mistral chat",
            "  mistral generate \"What is a lighthouse?\"",
            "  mistral info --model path/to/checkpoint"
        },
        subcommands = {
            ChatCommand.class,
            ServeCommand.class,
            GenerateCommand.class,
            ClassifyCommand.class,
            EmbedCommand.class,
            TokenizeCommand.class,
            InfoCommand.class,
            BenchCommand.class,
            PerplexityCommand.class,
            TrainCommand.class,
            MergeCommand.class,
            QuantizeCommand.class,
            PullCommand.class,
            ListCommand.class,
            RemoveCommand.class,
            LogitsCommand.class,
            CompletionCommand.class,
            CommandLine.HelpCommand.class
        })
public final class MistralCli implements Callable<Integer> {

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "Print the stack trace of an error.")
    private boolean debug;

    private final CommandLine commandLine = new CommandLine(this);

    private MistralCli() {}

    /**
     * Creates the command line, for programs that embed it.
     *
     * @return a command line that reports errors in one line; its output can be redirected
     */
    public static CommandLine commandLine() {
        MistralCli cli = new MistralCli();
        return cli.commandLine
                .setExpandAtFiles(false) // a prompt may begin with @
                .setParameterExceptionHandler((fault, arguments) -> ErrorReporter.usage(fault))
                .setExecutionExceptionHandler(
                        (fault, command, parsed) ->
                                ErrorReporter.execution(fault, command, cli.debug));
    }

    /**
     * Runs a command and exits the JVM with its exit code.
     *
     * @param arguments command and options
     */
    public static void main(String[] arguments) {
        System.exit(
                commandLine()
                        .setOut(utf8(FileDescriptor.out))
                        .setErr(utf8(FileDescriptor.err))
                        .execute(arguments));
    }

    /** UTF-8 whatever the locale: generated text needs it, and JSON requires it. */
    private static PrintWriter utf8(FileDescriptor stream) {
        return new PrintWriter(
                new OutputStreamWriter(new FileOutputStream(stream), StandardCharsets.UTF_8), true);
    }

    /** Called without a command: prints the usage. */
    @Override
    public Integer call() {
        commandLine.usage(commandLine.getErr());
        return CommandLine.ExitCode.USAGE;
    }

    /** Output of {@code --version}. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            String version = MistralCli.class.getPackage().getImplementationVersion();
            return new String[] {
                "mistral " + Objects.requireNonNullElse(version, "(not packaged)"),
                "DJL " + Engine.getDjlVersion(),
                "Java " + Runtime.version()
            };
        }
    }
}
