/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.examples.chat.ChatConsole;
import io.github.djlmistral.examples.chat.ChatSession;
import io.github.djlmistral.examples.chat.EntryHistory;
import io.github.djlmistral.examples.chat.LineConsole;
import io.github.djlmistral.examples.chat.TerminalConsole;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral chat}. */
@Command(
        name = "chat",
        description = {
            "Chats with the model. Each line of input is a user message or a command; /help"
                    + " lists the commands.",
            "Input may be piped in. Ctrl-C stops an answer.",
            "The checkpoint's generation_config.json may have other defaults of generation."
        },
        modelTransformer = GenerationOptions.class,
        customSynopsis = "mistral chat [OPTIONS]",
        footer = {
            "  mistral chat --temperature 0.7 --system \"Answer in one sentence.\"",
            "  echo \"What is a lighthouse?\" | mistral chat"
        })
public final class ChatCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message; /system changes it.")
    private @Nullable String system;

    @Option(
            names = "--tools",
            paramLabel = "FILE",
            description =
                    "JSON file with a list of tools, as in OpenAI's API. Calls are printed, and you"
                            + " enter their results; /tools changes the list.")
    private @Nullable Path tools;

    @Option(
            names = {"-v", "--verbose"},
            description = "Print timings of each answer.")
    private boolean verbose;

    @Option(
            names = "--no-history",
            description = "Do not keep what is entered for the next conversations.")
    private boolean noHistory;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 2)
    private ModelOptions model = new ModelOptions();

    @Mixin private final ResponseFormatOptions format = new ResponseFormatOptions();
    @Mixin private final AdapterOption adapter = new AdapterOption();
    @Mixin private final AssistantOption assistant = new AssistantOption();

    /** Used by picocli. */
    public ChatCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        GenerationOptions.config(
                format.apply(GenerationConfig.builder(), terminal),
                terminal); // reports invalid options before the model is loaded
        List<Map<String, @Nullable Object>> offered = ToolOptions.read(tools, terminal);
        Map<String, String> arguments = new LinkedHashMap<>(assistant.arguments(terminal));
        arguments.putAll(adapter.arguments());
        try (ZooModel<NDList, NDList> loaded =
                        model.load(terminal, NDList.class, NDList.class, arguments);
                MistralPipeline pipeline = MistralPipeline.open(loaded)) {
            if (pipeline.chatTemplate().isEmpty()) {
                throw new IllegalArgumentException(
                        model.model
                                + " has no chat template: use 'mistral generate' to complete"
                                + " text, or put a chat_template.jinja beside the checkpoint");
            }
            converse(pipeline, offered);
        }
        return 0;
    }

    private void converse(
            MistralPipeline pipeline, @Nullable List<Map<String, @Nullable Object>> offered)
            throws IOException {
        boolean interactive = Terminal.isTerminal(0) && Terminal.isTerminal(1);
        GenerationConfig.Builder defaults = format.apply(pipeline.defaults(), terminal);
        GenerationOptions.config(
                defaults.copy(), terminal); // reports those that do not go together
        try (ChatConsole console =
                interactive ? console() : new LineConsole(System.in, terminal.out())) {
            ChatSession session = new ChatSession(pipeline, defaults, console, terminal::note);
            session.settings().replace(GenerationOptions.given(terminal));
            session.begin(system);
            session.tools(offered);
            if (interactive) {
                terminal.note(model.model + "; " + pipeline.network().kernelReason());
                terminal.note(
                        "/help lists the commands, /quit quits; \\ or \"\"\" continues a line");
            }
            new ChatLoop(terminal, console, session, pipeline.network().kernels(), verbose).run();
        }
    }

    private ChatConsole console() throws IOException {
        EntryHistory history = noHistory ? new EntryHistory() : keptHistory();
        return new TerminalConsole(
                TerminalBuilder.builder().name("mistral").encoding(StandardCharsets.UTF_8).build(),
                history,
                Ansi.AUTO.enabled());
    }

    private EntryHistory keptHistory() {
        try {
            Path home = Path.of(System.getProperty("user.home"));
            return new EntryHistory(EntryHistory.file(System.getenv(), home), this::noteHistory);
        } catch (IOException e) {
            noteHistory(e);
            return new EntryHistory();
        }
    }

    private void noteHistory(IOException fault) {
        terminal.note("the history is not kept: " + ErrorReporter.message(fault));
    }
}
