/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A saved conversation: {@code {"messages": [..], "tools": [..], "parameters": {..}}}, which is a
 * request of DJL Serving, too.
 *
 * @param messages oldest first
 * @param tools the tools that the model may call; null for none
 * @param parameters generation options by name
 */
public record ConversationFile(
        List<Message> messages,
        @Nullable List<Map<String, @Nullable Object>> tools,
        Map<String, Object> parameters) {

    private static final String MESSAGES = "messages";
    private static final String TOOLS = "tools";
    private static final String PARAMETERS = "parameters";
    private static final List<String> KEYS = List.of(MESSAGES, TOOLS, PARAMETERS);

    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

    /** Copies the messages and parameters. */
    public ConversationFile {
        messages = List.copyOf(messages);
        parameters = new LinkedHashMap<>(parameters);
    }

    /**
     * Reads a file.
     *
     * @param file the file
     * @return its contents
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if it is not such a file; the message names it
     */
    public static ConversationFile read(Path file) throws IOException {
        try {
            Map<String, @Nullable Object> json = ConversationJson.object(TextFile.read(file));
            Set<String> unknown = new TreeSet<>(json.keySet());
            unknown.removeAll(KEYS);
            if (!unknown.isEmpty()) {
                throw new IllegalArgumentException(
                        "unknown keys " + unknown + "; known are " + KEYS);
            }
            Object parameters = json.remove(PARAMETERS);
            Conversation conversation = ConversationJson.conversation(json);
            return new ConversationFile(
                    conversation.messages(), conversation.tools(), parameters(parameters));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    private static Map<String, Object> parameters(@Nullable Object json) {
        Map<String, Object> parameters = new LinkedHashMap<>();
        if (json instanceof Map<?, ?> map) {
            map.forEach(
                    (name, value) -> {
                        if (value != null) {
                            parameters.put(String.valueOf(name), value);
                        }
                    });
        } else if (json != null) {
            throw new IllegalArgumentException("\"parameters\" is not an object");
        }
        return parameters;
    }

    /**
     * Writes the file, which is either written as a whole or not changed.
     *
     * @param file the file
     * @throws IOException if it cannot be written
     */
    public void write(Path file) throws IOException {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put(MESSAGES, messages.stream().map(Message::fields).toList());
        if (tools != null) {
            json.put(TOOLS, tools);
        }
        json.put(PARAMETERS, parameters);
        Path absolute = file.toAbsolutePath();
        Path temporary = temporary(Objects.requireNonNull(absolute.getParent()));
        try {
            Files.writeString(temporary, GSON.toJson(json) + "\n");
            Files.move(temporary, absolute, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static Path temporary(Path directory) throws IOException {
        try {
            return Files.createTempFile(directory, ".chat", ".tmp");
        } catch (FileSystemException e) {
            String reason =
                    e instanceof NoSuchFileException
                            ? "there is no such directory"
                            : Objects.requireNonNullElse(e.getReason(), "access denied");
            throw new IOException("no file can be created in " + directory + ": " + reason, e);
        }
    }
}
