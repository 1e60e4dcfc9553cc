/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.examples.chat.TextFile;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Tools that the model may call. */
final class ToolOptions {

    @Option(
            names = "--tools",
            paramLabel = "FILE",
            description =
                    "JSON file with a list of tools, as in OpenAI's API. Calls are printed as JSON"
                            + " lines.")
    @Nullable Path tools;

    @Option(
            names = "--tool-choice",
            paramLabel = "CHOICE",
            description =
                    "With --tools: auto, none, required, or the name of a function. Default: auto.")
    @Nullable String choice;

    @Option(
            names = "--parallel-tool-calls",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "With --tools: allow several calls in an answer. Default: true.")
    boolean parallel;

    private @Nullable List<Map<String, @Nullable Object>> offered;

    /** Returns whether {@code --tools} is given. */
    boolean given() {
        return tools != null;
    }

    /** Checks the options and reads the file, before the model is loaded. */
    void check(Terminal terminal) throws IOException {
        if (choice != null && tools == null) {
            throw terminal.usage("--tool-choice needs --tools: add it");
        }
        offered = read(tools, terminal);
    }

    /**
     * Reads the file of {@code --tools}.
     *
     * @param file null if the option is not given
     * @param terminal reports a file without a JSON list of objects
     * @return the tools; null if the option is not given
     * @throws IOException if the file cannot be read
     */
    static @Nullable List<Map<String, @Nullable Object>> read(
            @Nullable Path file, Terminal terminal) throws IOException {
        if (file == null) {
            return null;
        }
        try {
            return ConversationJson.objects(TextFile.read(file));
        } catch (IllegalArgumentException e) {
            throw terminal.usage("--tools " + file + ": " + e.getMessage());
        }
    }

    /** Adds the tools to a conversation. */
    Conversation addTo(Conversation conversation) {
        return conversation.withTools(offered);
    }

    /** Lets the answer call the tools; returns whether it may. */
    boolean offer(
            MistralPipeline pipeline, Conversation conversation, GenerationConfig.Builder options) {
        String name = choice == null ? "auto" : choice;
        ToolChoice chosen =
                switch (name) {
                    case "auto", "none", "required" -> ToolChoice.of(name);
                    default -> ToolChoice.function(name);
                };
        return pipeline.offerTools(options, conversation, chosen, parallel);
    }

    /** Prints calls, one a line. */
    static void print(Terminal terminal, List<ToolCall> calls) {
        calls.forEach(call -> JsonOption.printLine(terminal, call.fields()));
    }
}
