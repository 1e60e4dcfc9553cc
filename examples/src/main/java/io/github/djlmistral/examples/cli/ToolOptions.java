/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    /** Returns whether {@code --tools} is given. */
    boolean given() {
        return tools != null;
    }

    /** Checks the options before the model is loaded. */
    void check(Terminal terminal) {
        if (choice != null && tools == null) {
            throw terminal.usage("--tool-choice needs --tools: add it");
        }
    }

    /**
     * Adds the tools to a conversation.
     *
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if it has no JSON list of objects
     */
    Conversation addTo(Conversation conversation) throws IOException {
        if (tools == null) {
            return conversation;
        }
        try {
            return conversation.withTools(ConversationJson.objects(Files.readString(tools)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--tools " + tools + ": " + e.getMessage(), e);
        }
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
