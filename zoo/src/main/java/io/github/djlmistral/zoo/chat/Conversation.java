/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a chat template, named as those of {@code apply_chat_template} in Hugging Face
 * transformers. Immutable; the methods return changed copies.
 *
 * @param messages oldest first
 * @param tools JSON schemas of the tools that the model may call; null if there are none, which
 *     some templates tell from an empty list
 * @param documents documents for retrieval-augmented generation; null if there are none
 * @param addGenerationPrompt whether the prompt ends with the header of the model's answer
 * @param continuedField the field of the last message that the model is to continue, usually {@code
 *     content}: the prompt ends where that field ends; null to end the last message
 * @param variables further variables of the template
 */
public record Conversation(
        List<Message> messages,
        @Nullable List<Map<String, @Nullable Object>> tools,
        @Nullable List<Map<String, @Nullable Object>> documents,
        boolean addGenerationPrompt,
        @Nullable String continuedField,
        Map<String, @Nullable Object> variables) {

    /** Copies the lists and maps. */
    public Conversation {
        messages = List.copyOf(messages);
        tools = tools == null ? null : Values.copy("tools", tools);
        documents = documents == null ? null : Values.copy("documents", documents);
        variables = Values.copy("template variables", variables);
    }

    /**
     * Creates a conversation without tools, documents and variables, and without generation prompt.
     *
     * @param messages oldest first
     */
    public Conversation(List<Message> messages) {
        this(messages, null, null, false, null, Map.of());
    }

    /**
     * Returns a copy with tools.
     *
     * @param newTools their JSON schemas, null for none
     * @return the copy
     */
    public Conversation withTools(@Nullable List<Map<String, @Nullable Object>> newTools) {
        return new Conversation(
                messages, newTools, documents, addGenerationPrompt, continuedField, variables);
    }

    /**
     * Returns a copy with documents.
     *
     * @param newDocuments usually with the fields {@code title} and {@code text}, null for none
     * @return the copy
     */
    public Conversation withDocuments(@Nullable List<Map<String, @Nullable Object>> newDocuments) {
        return new Conversation(
                messages, tools, newDocuments, addGenerationPrompt, continuedField, variables);
    }

    /**
     * Returns a copy with other messages.
     *
     * @param newMessages the messages
     * @return the copy
     */
    public Conversation withMessages(List<Message> newMessages) {
        return new Conversation(
                newMessages, tools, documents, addGenerationPrompt, continuedField, variables);
    }

    /**
     * Returns a copy with or without generation prompt.
     *
     * @param add whether the prompt ends with the header of the model's answer
     * @return the copy
     */
    public Conversation withGenerationPrompt(boolean add) {
        return new Conversation(messages, tools, documents, add, continuedField, variables);
    }

    /**
     * Returns a copy whose last message is continued by the model.
     *
     * @param field the field that is continued, usually {@code content}; null for none
     * @return the copy
     */
    public Conversation withContinuedField(@Nullable String field) {
        return new Conversation(messages, tools, documents, addGenerationPrompt, field, variables);
    }

    /**
     * Returns a copy with other variables of the template.
     *
     * @param newVariables such as {@code enable_thinking}; one named like a special token replaces
     *     it
     * @return the copy
     */
    public Conversation withVariables(Map<String, @Nullable Object> newVariables) {
        return new Conversation(
                messages, tools, documents, addGenerationPrompt, continuedField, newVariables);
    }
}
