/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.List;
import java.util.Map;

/**
 * A conversation to be continued.
 *
 * @param messages oldest first; the last one is usually the user's
 * @param options generation options for this answer, by the reference's names ({@code
 *     max_new_tokens} or {@code maxNewTokens}); they go before those the model was loaded with
 */
public record ChatInput(List<Message> messages, Map<String, Object> options) {

    /** Copies the lists. */
    public ChatInput {
        messages = List.copyOf(messages);
        options = Map.copyOf(options);
    }

    /**
     * Makes a conversation with the model's own options.
     *
     * @param messages oldest first
     */
    public ChatInput(Message... messages) {
        this(List.of(messages), Map.of());
    }
}
