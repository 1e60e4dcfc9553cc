/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.reflect.TypeToken;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.lang.reflect.Type;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A conversation in JSON files: the arguments of the reference's {@code apply_chat_template}. */
final class ConversationOptions {

    private static final int LONG_BITS = 63;
    private static final Type LIST = new TypeToken<List<Map<String, Object>>>() {}.getType();

    private static final Gson GSON =
            new GsonBuilder().setObjectToNumberStrategy(in -> number(in.nextString())).create();

    @Option(
            names = "--messages",
            paramLabel = "FILE",
            description =
                    "A JSON list of messages; - reads standard input. Shows the prompt of the chat"
                            + " template.")
    @Nullable String messages;

    @Option(
            names = "--tools",
            paramLabel = "FILE",
            description = "With --messages: a JSON list of tools.")
    @Nullable String tools;

    @Option(
            names = "--documents",
            paramLabel = "FILE",
            description = "With --messages: a JSON list of documents.")
    @Nullable String documents;

    @Option(
            names = "--add-generation-prompt",
            description = "With --messages: end with the header of the model's answer.")
    boolean addGenerationPrompt;

    @Option(
            names = "--continue-final-message",
            description = "With --messages: leave the last message open for the model to continue.")
    boolean continueFinalMessage;

    /** Whether there is one. */
    boolean given() {
        return messages != null;
    }

    /** Checks what goes together. */
    void check(Terminal terminal) {
        boolean other =
                tools != null || documents != null || addGenerationPrompt || continueFinalMessage;
        if (other && messages == null) {
            throw terminal.usage(
                    "--tools, --documents, --add-generation-prompt and --continue-final-message"
                            + " belong to --messages: add it");
        }
        if (addGenerationPrompt && continueFinalMessage) {
            throw terminal.usage(
                    "--add-generation-prompt begins a new message: leave it or"
                            + " --continue-final-message out");
        }
    }

    /**
     * Reads the files.
     *
     * @throws IOException if one cannot be read
     * @throws IllegalArgumentException if one is not a JSON list of objects; the message names it
     */
    Conversation read() throws IOException {
        List<Map<String, @Nullable Object>> list = objects("--messages", messages);
        return new Conversation(list == null ? List.of() : list.stream().map(Message::new).toList())
                .withTools(objects("--tools", tools))
                .withDocuments(objects("--documents", documents))
                .withGenerationPrompt(addGenerationPrompt)
                .withContinuedField(continueFinalMessage ? "content" : null);
    }

    private static @Nullable List<Map<String, @Nullable Object>> objects(
            String option, @Nullable String file) throws IOException {
        if (file == null) {
            return null;
        }
        String json = file.equals("-") ? PromptOptions.input() : Files.readString(Path.of(file));
        List<Map<String, @Nullable Object>> list;
        try {
            list = GSON.fromJson(json, LIST);
        } catch (JsonParseException e) {
            throw new IllegalArgumentException(
                    option + " " + file + " is not a JSON list of objects: " + e.getMessage(), e);
        }
        if (list == null || list.contains(null)) {
            throw new IllegalArgumentException(
                    option + " " + file + " is not a JSON list of objects");
        }
        return list;
    }

    /** Numbers as Python's {@code json} reads them: integers of any size, or floats. */
    private static Number number(String text) {
        if (!text.matches("-?\\d+")) {
            return Double.valueOf(text);
        }
        BigInteger integer = new BigInteger(text);
        return integer.bitLength() <= LONG_BITS ? (Number) integer.longValue() : integer;
    }
}
