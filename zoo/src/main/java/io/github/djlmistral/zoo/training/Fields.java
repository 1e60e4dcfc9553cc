/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The values of a record, checked. */
final class Fields {

    private Fields() {}

    /** Returns whether a record has a key with a value. */
    static boolean has(Map<String, ? extends @Nullable Object> fields, String key) {
        return fields.get(key) != null;
    }

    /** Returns a text, which may be empty. */
    static String text(Map<String, ? extends @Nullable Object> fields, String key) {
        if (fields.get(key) instanceof String text) {
            return text;
        }
        throw unexpected(fields, key, "a text");
    }

    /** Returns whether a value is a list of messages and not a text. */
    static boolean isConversation(Map<String, ? extends @Nullable Object> fields, String key) {
        return fields.get(key) instanceof List<?>;
    }

    /** Returns a list of messages that is not empty. */
    static List<Message> messages(Map<String, ? extends @Nullable Object> fields, String key) {
        if (!(fields.get(key) instanceof List<?> list)) {
            throw unexpected(fields, key, "a list of messages");
        }
        if (list.isEmpty()) {
            throw new IllegalArgumentException(Quote.of(key) + " has no messages");
        }
        for (Object item : list) {
            if (!(item instanceof Map<?, ?> message && message.get("role") instanceof String)) {
                throw new IllegalArgumentException(
                        Quote.of(key) + " has a message that is not an object with a \"role\"");
            }
        }
        return ConversationJson.conversation(Map.of("messages", list)).messages();
    }

    /**
     * Returns a conversation with the {@code tools} and {@code chat_template_kwargs} of a record.
     * Tools may be a JSON text, which columnar formats need.
     */
    static Conversation conversation(
            Map<String, ? extends @Nullable Object> fields, List<Message> messages) {
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("messages", List.of());
        Object tools = fields.get("tools");
        if (tools instanceof String json) {
            tools = json.isBlank() ? null : ConversationJson.objects(json);
        }
        if (tools != null) {
            arguments.put("tools", tools);
        }
        Object variables = fields.get("chat_template_kwargs");
        if (variables != null) {
            arguments.put("chat_template_kwargs", variables);
        }
        return ConversationJson.conversation(arguments).withMessages(messages);
    }

    /** Creates the error for a value of a wrong type, or none. */
    static IllegalArgumentException unexpected(
            Map<String, ? extends @Nullable Object> fields, String key, String wanted) {
        Object value = fields.get(key);
        return new IllegalArgumentException(
                Quote.of(key)
                        + (value == null ? " is missing" : " is " + describe(value))
                        + ", must be "
                        + wanted);
    }

    private static String describe(Object value) {
        if (value instanceof String text) {
            return Quote.of(text);
        }
        if (value instanceof Map<?, ?>) {
            return "an object";
        }
        return value instanceof List<?> ? "a list" : value.toString();
    }

    /** Creates the error for a record of no known form. */
    static IllegalArgumentException unknownForm(
            Map<String, ? extends @Nullable Object> fields, String forms) {
        Set<String> keys = new TreeSet<>(fields.keySet());
        return new IllegalArgumentException(
                "its keys are " + Quote.shorten(keys.toString()) + ", must be " + forms);
    }
}
