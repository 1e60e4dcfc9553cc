/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Options of a conversation, named as the arguments of transformers' {@code apply_chat_template}.
 */
final class ConversationOptions {

    @Option(
            names = "--messages",
            paramLabel = "FILE",
            description =
                    "JSON file with a list of messages, - for standard input. Applies the chat"
                            + " template.")
    @Nullable String messages;

    @Option(
            names = "--tools",
            paramLabel = "FILE",
            description = "With --messages: JSON file with a list of tools.")
    @Nullable String tools;

    @Option(
            names = "--documents",
            paramLabel = "FILE",
            description = "With --messages: JSON file with a list of documents.")
    @Nullable String documents;

    @Option(
            names = "--add-generation-prompt",
            description = "With --messages: append the header of the model's answer.")
    boolean addGenerationPrompt;

    @Option(
            names = "--continue-final-message",
            description =
                    "With --messages: leave the last message unfinished, for the model"
                            + " to continue.")
    boolean continueFinalMessage;

    @Option(
            names = "--chat-template-kwargs",
            paramLabel = "JSON",
            description =
                    "With --messages: a JSON object with further variables of the template, as"
                            + " '{\"enable_thinking\": false}'.")
    @Nullable String variables;

    /** Returns whether {@code --messages} is given. */
    boolean given() {
        return messages != null;
    }

    /** Checks the combination of options. */
    void check(Terminal terminal) {
        boolean other =
                tools != null
                        || documents != null
                        || addGenerationPrompt
                        || continueFinalMessage
                        || variables != null;
        if (other && messages == null) {
            throw terminal.usage(
                    "--tools, --documents, --add-generation-prompt, --continue-final-message and"
                            + " --chat-template-kwargs need --messages: add it");
        }
        if (addGenerationPrompt && continueFinalMessage) {
            throw terminal.usage(
                    "--add-generation-prompt starts a new message and --continue-final-message"
                            + " continues the last one: omit one of them");
        }
    }

    /**
     * Reads the conversation.
     *
     * @throws IOException if a file cannot be read
     * @throws IllegalArgumentException if a file is not a JSON list of objects, or the variables
     *     are not a JSON object; the message names the option
     */
    Conversation read() throws IOException {
        List<Map<String, @Nullable Object>> list = objects("--messages", messages);
        return new Conversation(list == null ? List.of() : list.stream().map(Message::new).toList())
                .withTools(objects("--tools", tools))
                .withDocuments(objects("--documents", documents))
                .withGenerationPrompt(addGenerationPrompt)
                .withContinuedField(continueFinalMessage ? "content" : null)
                .withVariables(variables());
    }

    private Map<String, @Nullable Object> variables() {
        return variables == null
                ? Map.of()
                : parse("--chat-template-kwargs", ConversationJson::object, variables);
    }

    private static @Nullable List<Map<String, @Nullable Object>> objects(
            String option, @Nullable String file) throws IOException {
        if (file == null) {
            return null;
        }
        String json = file.equals("-") ? PromptOptions.input() : Files.readString(Path.of(file));
        return parse(option + " " + file, ConversationJson::objects, json);
    }

    /** Parses JSON; errors name where it is from. */
    private static <T> T parse(String source, Function<String, T> parser, String json) {
        try {
            return parser.apply(json);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(source + ": " + e.getMessage(), e);
        }
    }
}
