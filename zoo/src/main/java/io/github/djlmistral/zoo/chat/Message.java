/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A message of a conversation: a JSON object. Which fields and roles there may be, and in which
 * order roles may follow each other, is up to the {@link ChatTemplate}; common are {@code role},
 * {@code content} (a string or a list of parts), {@code tool_calls}, {@code tool_call_id} and
 * {@code name}.
 *
 * @param fields the fields in order; strings, numbers, booleans, null, maps and lists of these
 */
public record Message(Map<String, @Nullable Object> fields) {

    /** Copies the fields, maps and lists within them included. */
    public Message {
        fields = Values.copy("message", fields);
    }

    /**
     * Creates a message that consists of text.
     *
     * @param role the role, usually {@code system}, {@code user}, {@code assistant} or {@code tool}
     * @param content the text
     */
    public Message(String role, String content) {
        this(fields(role, content));
    }

    private static Map<String, @Nullable Object> fields(String role, String content) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("role", Objects.requireNonNull(role, "role"));
        fields.put("content", Objects.requireNonNull(content, "content"));
        return fields;
    }

    /**
     * Creates a system message, which instructs the model.
     *
     * @param content the text
     * @return the message
     */
    public static Message system(String content) {
        return new Message("system", content);
    }

    /**
     * Creates a message of the user.
     *
     * @param content the text
     * @return the message
     */
    public static Message user(String content) {
        return new Message("user", content);
    }

    /**
     * Creates a message of the model.
     *
     * @param content the text
     * @return the message
     */
    public static Message assistant(String content) {
        return new Message("assistant", content);
    }

    /**
     * Creates a message of the model that calls tools.
     *
     * @param content the text before the calls, usually empty; templates of Mistral leave it out
     * @param calls the calls
     * @return the message, with {@code tool_calls} as in OpenAI's API
     */
    public static Message assistant(String content, List<ToolCall> calls) {
        Map<String, @Nullable Object> fields = fields("assistant", content);
        if (!calls.isEmpty()) {
            fields.put("tool_calls", calls.stream().map(Message::field).toList());
        }
        return new Message(fields);
    }

    private static Map<String, Object> field(ToolCall call) {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", call.name());
        function.put("arguments", call.arguments());
        Map<String, Object> field = new LinkedHashMap<>();
        field.put("id", call.id());
        field.put("type", "function");
        field.put("function", function);
        return field;
    }

    /**
     * Creates the message of a tool's result.
     *
     * @param id the id of the call
     * @param content the result, any text; JSON is shown to the model as JSON
     * @return the message
     */
    public static Message tool(String id, String content) {
        Map<String, @Nullable Object> fields = fields("tool", content);
        fields.put("tool_call_id", Objects.requireNonNull(id, "id"));
        return new Message(fields);
    }

    /**
     * Returns the role.
     *
     * @return the field {@code role}, the empty string if it is absent or not a string
     */
    public String role() {
        return fields.get("role") instanceof String role ? role : "";
    }

    /**
     * Returns the text.
     *
     * @return the field {@code content}, null if it is absent or not a string
     */
    public @Nullable String content() {
        return fields.get("content") instanceof String content ? content : null;
    }
}
