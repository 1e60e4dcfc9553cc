/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral chat}. */
@Command(
        name = "chat",
        description = {
            "Chats with the model. Each line of input is a user message.",
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

    private static final String HELP =
            """
            /system TEXT  start over with this system message
            /reset        start over
            /exit         exit (as does Ctrl-D)
            /help         list the commands\
            """;

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message; /system changes it.")
    private @Nullable String system;

    @Option(
            names = {"-v", "--verbose"},
            description = "Print timings of each answer.")
    private boolean verbose;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 2)
    private ModelOptions model = new ModelOptions();

    @Mixin private final ResponseFormatOptions format = new ResponseFormatOptions();
    @Mixin private final AdapterOption adapter = new AdapterOption();
    @Mixin private final AssistantOption assistant = new AssistantOption();

    private final List<Message> messages = new ArrayList<>();

    /** Used by picocli. */
    public ChatCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        GenerationOptions.config(
                format.apply(GenerationConfig.builder(), terminal),
                terminal); // reports invalid options before the model is loaded
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
            begin(system);
            converse(
                    pipeline,
                    GenerationOptions.config(
                            format.apply(pipeline.defaults(), terminal), terminal));
        }
        return 0;
    }

    private void begin(@Nullable String instruction) {
        messages.clear();
        if (instruction != null && !instruction.isBlank()) {
            messages.add(Message.system(instruction.strip()));
        }
    }

    private void converse(MistralPipeline pipeline, GenerationConfig config) throws IOException {
        boolean interactive = Terminal.isTerminal(0) && Terminal.isTerminal(1);
        if (interactive) {
            terminal.note(model.model + "; " + pipeline.network().kernelReason());
            terminal.note("/help lists the commands, /exit quits");
        }
        // not closed: that would close System.in
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintWriter out = terminal.out();
        while (true) {
            if (interactive) {
                out.print("> ");
                out.flush();
            }
            String line = lines.readLine();
            if (line == null) {
                if (interactive) {
                    out.println();
                }
                return;
            }
            String text = line.strip();
            String[] command = text.split("\\s+", 2);
            if (command[0].equals("/exit")) {
                return;
            }
            switch (command[0]) {
                case "" -> {}
                case "/help" -> terminal.err().println(HELP);
                case "/reset" -> begin(system);
                case "/system" -> {
                    system = command.length > 1 ? command[1] : null;
                    begin(system);
                }
                default -> {
                    if (text.startsWith("/")) {
                        terminal.err()
                                .println("unknown command " + command[0] + "; /help lists all");
                    } else {
                        answer(pipeline, config, text);
                    }
                }
            }
        }
    }

    private void answer(MistralPipeline pipeline, GenerationConfig config, String question) {
        messages.add(Message.user(question));
        PrintWriter out = terminal.out();
        StringBuilder content = new StringBuilder();
        try (TextPieces text = pipeline.stream(prompt(pipeline, config), config)) {
            Object before = Signals.register("INT", text::cancel);
            GenerationResult result;
            try {
                result =
                        text.run(
                                piece -> {
                                    content.append(piece);
                                    out.print(piece);
                                    out.flush();
                                });
            } finally {
                Signals.unregister("INT", before);
            }
            out.println();
            if (verbose) {
                terminal.note(GenerationTimings.describe(result, pipeline.network().kernels()));
            }
            messages.add(Message.assistant(content.toString().strip()));
        } catch (IllegalArgumentException e) {
            // too long, or rejected by the template: the conversation continues without this
            // message
            messages.remove(messages.size() - 1);
            terminal.err().println("mistral: " + ErrorReporter.message(e));
        }
    }

    /**
     * Renders the prompt, and drops the oldest turns if they leave too little room for an answer.
     */
    private long[] prompt(MistralPipeline pipeline, GenerationConfig config) {
        int positions = pipeline.network().config().maxPositionEmbeddings();
        int room = positions - Math.min(config.maxNewTokens(), positions / 2);
        int first = messages.get(0).role().equals("system") ? 1 : 0;
        int dropped = 0;
        long[] prompt = pipeline.encode(messages);
        while (prompt.length > room && messages.size() > first + 2) {
            messages.subList(first, first + 2).clear();
            ++dropped;
            prompt = pipeline.encode(messages);
        }
        if (dropped > 0) {
            terminal.note(
                    "the conversation is longer than the model's "
                            + positions
                            + " tokens: dropped the oldest "
                            + (dropped == 1 ? "turn" : dropped + " turns"));
        }
        return prompt;
    }
}
