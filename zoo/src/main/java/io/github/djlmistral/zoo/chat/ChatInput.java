/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.constraint.ResponseFormat;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A conversation for the model to answer.
 *
 * @param conversation the conversation; a generation prompt is added unless the last message is
 *     continued
 * @param options generation options of this request, named as in transformers ({@code
 *     max_new_tokens}) or in camel case ({@code maxNewTokens}); they override those of the model
 */
public record ChatInput(Conversation conversation, Map<String, Object> options) {

    /** Copies the options. */
    public ChatInput {
        options = Map.copyOf(options);
    }

    /**
     * Creates an input of messages alone.
     *
     * @param messages oldest first; the last one is usually the user's
     * @param options as above
     */
    public ChatInput(List<Message> messages, Map<String, Object> options) {
        this(new Conversation(messages), options);
    }

    /**
     * Creates an input with the model's own options.
     *
     * @param messages oldest first
     */
    public ChatInput(Message... messages) {
        this(List.of(messages), Map.of());
    }

    /**
     * Returns a copy whose answer has a form, such as JSON under a schema.
     *
     * @param format the form; the messages should describe it, too, since a model that expects to
     *     write something else writes poor contents
     * @return the copy
     */
    public ChatInput responseFormat(ResponseFormat format) {
        return with("responseFormat", "response_format", format);
    }

    /**
     * Returns a copy with tools that the model may call.
     *
     * @param tools JSON schemas as in OpenAI's API, {@code {"type": "function", "function":
     *     {"name": .., "description": .., "parameters": ..}}}; the arguments of a call satisfy
     *     {@code parameters}
     * @return the copy
     */
    public ChatInput tools(List<Map<String, @Nullable Object>> tools) {
        return new ChatInput(conversation.withTools(tools), options);
    }

    /**
     * Returns a copy that chooses whether tools are called.
     *
     * @param choice the choice; {@link ToolChoice#AUTO} by default
     * @return the copy
     */
    public ChatInput toolChoice(ToolChoice choice) {
        return with("toolChoice", "tool_choice", choice);
    }

    /**
     * Returns a copy that chooses whether an answer may have several calls.
     *
     * @param parallel whether it may; true by default
     * @return the copy
     */
    public ChatInput parallelToolCalls(boolean parallel) {
        return with("parallelToolCalls", "parallel_tool_calls", parallel);
    }

    private ChatInput with(String camelCase, String name, Object value) {
        Map<String, Object> changed = new HashMap<>(options);
        changed.remove(camelCase);
        changed.put(name, value);
        return new ChatInput(conversation, changed);
    }

    /**
     * Returns a copy whose answer is an object of a Java type as JSON, which {@link ChatOutput#as}
     * reads.
     *
     * <p>The type is a record or class of numbers (of two bytes at least), strings, booleans,
     * enums, lists, maps with strings as keys, and such types. All of its fields are present and
     * not null but those that are annotated as {@code Nullable}; they are written in the order of
     * their declaration.
     *
     * @param type the type; needs {@code com.github.victools:jsonschema-generator}, which is an
     *     optional dependency
     * @return the copy
     * @throws IllegalArgumentException if the type has no objects that can be written as JSON
     * @throws IllegalStateException if the library is missing
     */
    public ChatInput responseType(Class<?> type) {
        return responseFormat(JavaType.format(type));
    }
}
