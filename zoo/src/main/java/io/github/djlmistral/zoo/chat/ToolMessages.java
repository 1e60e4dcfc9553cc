/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.zoo.chat.jinja.Template;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Writes tools, calls and results as a chat template expects them.
 *
 * @param rawResults whether the template writes results as they are, so that they must be JSON
 * @param rawTexts whether it writes descriptions of tools as they are, between quotation marks
 */
record ToolMessages(boolean rawResults, boolean rawTexts) {

    private static final Pattern ID = Pattern.compile("[a-zA-Z0-9]{9}");
    private static final int RADIX = 36;

    /** Python's {@code json.dumps}. */
    private static final Template JSON = Template.parse("{{ value | tojson }}");

    static boolean isOfTools(Message message) {
        return message.fields().containsKey("tool_calls") || message.role().equals("tool");
    }

    Conversation prepare(Conversation conversation) {
        List<Map<String, @Nullable Object>> tools = conversation.tools();
        return conversation
                .withMessages(conversation.messages().stream().map(this::message).toList())
                .withTools(
                        tools == null || tools.isEmpty()
                                ? null
                                : Tool.of(tools).stream().map(this::tool).toList());
    }

    private Map<String, @Nullable Object> tool(Tool tool) {
        String description = tool.description();
        if (rawTexts) {
            String json = json(description);
            description = json.substring(1, json.length() - 1);
        }
        Map<String, @Nullable Object> function = new LinkedHashMap<>();
        function.put("name", tool.name());
        function.put("description", description);
        function.put("parameters", tool.parameters());
        Map<String, @Nullable Object> result = new LinkedHashMap<>();
        result.put("type", "function");
        result.put("function", function);
        return result;
    }

    private Message message(Message message) {
        return message.role().equals("tool") ? result(message) : parsed(message);
    }

    private Message result(Message message) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>(message.fields());
        if (fields.get("tool_call_id") instanceof String id) {
            fields.put("tool_call_id", nine(id));
        }
        Object content = fields.get("content");
        if (content instanceof List<?> parts) {
            content = text(parts);
        }
        if (content instanceof String text) {
            fields.put("content", rawResults ? json(valueOrText(text)) : text);
        }
        return new Message(fields);
    }

    /** Returns the text of parts, or null if there are others. */
    private static @Nullable String text(List<?> parts) {
        StringBuilder text = new StringBuilder();
        for (Object part : parts) {
            if (!(part instanceof Map<?, ?> map) || !(map.get("text") instanceof String s)) {
                return null;
            }
            text.append(s);
        }
        return text.toString();
    }

    /** Parses the arguments of a message's calls. */
    static Message parsed(Message message) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>(message.fields());
        if (!(fields.remove("tool_calls") instanceof List<?> calls) || calls.isEmpty()) {
            return new Message(fields);
        }
        List<@Nullable Object> parsed = new ArrayList<>();
        calls.forEach(call -> parsed.add(call instanceof Map<?, ?> map ? parsed(map) : call));
        fields.put("tool_calls", parsed);
        return new Message(fields);
    }

    private static Map<?, ?> parsed(Map<?, ?> call) {
        Map<Object, @Nullable Object> result = new LinkedHashMap<>(call);
        if (call.get("id") instanceof String id) {
            result.put("id", nine(id));
        }
        if (call.get("function") instanceof Map<?, ?> function) {
            Object arguments = function.get("arguments");
            Map<String, @Nullable Object> ordered = new LinkedHashMap<>();
            ordered.put("name", function.get("name"));
            ordered.put(
                    "arguments", arguments instanceof String text ? valueOrText(text) : arguments);
            result.put("function", ordered);
        }
        return result;
    }

    private static @Nullable Object valueOrText(String text) {
        try {
            return ConversationJson.value(text);
        } catch (IllegalArgumentException e) {
            return text;
        }
    }

    private static String json(@Nullable Object value) {
        Map<String, @Nullable Object> variables = new LinkedHashMap<>();
        variables.put("value", value);
        return JSON.render(variables);
    }

    /** Returns an id of nine letters and digits: the id itself, or a hash of it. */
    private static String nine(String id) {
        if (ID.matcher(id).matches()) {
            return id;
        }
        try {
            byte[] hash =
                    MessageDigest.getInstance("SHA-256")
                            .digest(id.getBytes(StandardCharsets.UTF_8));
            StringBuilder nine = new StringBuilder();
            for (int i = 0; i < 9; i++) {
                nine.append(Character.forDigit((hash[i] & 0xFF) % RADIX, RADIX));
            }
            return nine.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
