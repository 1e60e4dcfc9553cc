/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.zoo.chat.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The messages of a conversation. */
final class MessageFields {

    private MessageFields() {}

    /** Reads the messages of a chat request. */
    static List<Message> read(Fields request) {
        Object given = request.require("messages");
        if (!(given instanceof List<?> list) || list.isEmpty()) {
            throw Fields.wrongType("messages", "an array of at least one message");
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < list.size(); ++i) {
            messages.add(message(Fields.of("messages[" + i + "]", list.get(i))));
        }
        return messages;
    }

    private static Message message(Fields fields) {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        String role = fields.requireString("role");
        message.put("role", role.equals("developer") ? "system" : role);
        boolean optional = false;
        switch (role) {
            case "system", "developer", "user" -> {}
            case "assistant" -> {
                fields.refuse("audio", "function_call", "refusal");
                fields.only("annotations", List.of());
                List<?> calls = fields.list("tool_calls");
                if (calls != null && !calls.isEmpty()) {
                    optional = true;
                    message.put("tool_calls", calls);
                }
            }
            case "tool" -> message.put("tool_call_id", fields.requireString("tool_call_id"));
            default ->
                    throw ApiException.invalid(
                            fields.path("role"),
                            fields.path("role")
                                    + " is "
                                    + Fields.shown(role)
                                    + ", must be system, developer, user, assistant or tool");
        }
        String name = fields.string("name");
        if (name != null) {
            message.put("name", name);
        }
        Object content = optional ? fields.take("content") : fields.require("content");
        message.put(
                "content", content == null ? "" : text(fields.path("content"), content, "text"));
        fields.end();
        return new Message(message);
    }

    /**
     * Reads a content: a string, or text in parts, which are lines of their own as in vLLM and
     * llama.cpp.
     *
     * @param path its path
     * @param content the content
     * @param types the types of parts that are text
     */
    static String text(String path, Object content, String... types) {
        if (content instanceof String text) {
            return text;
        }
        if (!(content instanceof List<?> parts) || parts.isEmpty()) {
            throw Fields.wrongType(path, "a string or an array of at least one part");
        }
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < parts.size(); ++i) {
            Fields part = Fields.of(path + "[" + i + "]", parts.get(i));
            String type = part.requireString("type");
            if (!List.of(types).contains(type)) {
                throw Fields.unsupported(
                        part.path("type"),
                        part.path("type")
                                + " is "
                                + Fields.shown(type)
                                + ": the model reads only text");
            }
            texts.add(part.requireString("text"));
            part.only("annotations", List.of());
            part.only("logprobs", List.of());
            part.end();
        }
        return String.join("\n", texts);
    }
}
