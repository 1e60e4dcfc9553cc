/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.zoo.chat.Message;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A call of a tool whose result the model waits for.
 *
 * @param id names the call
 * @param name the name of the function
 */
public record PendingCall(String id, String name) {

    /** Finds the first call at the end of a conversation that has no result. */
    static Optional<PendingCall> of(List<Message> messages) {
        Set<@Nullable Object> answered = new HashSet<>();
        for (int i = messages.size() - 1; i >= 0; i--) {
            Message message = messages.get(i);
            if (!message.role().equals("tool")) {
                return message.fields().get("tool_calls") instanceof List<?> calls
                        ? calls.stream()
                                .flatMap(call -> of(call).stream())
                                .filter(call -> !answered.contains(call.id))
                                .findFirst()
                        : Optional.empty();
            }
            answered.add(message.fields().get("tool_call_id"));
        }
        return Optional.empty();
    }

    private static Optional<PendingCall> of(@Nullable Object call) {
        return call instanceof Map<?, ?> fields
                        && fields.get("id") instanceof String id
                        && fields.get("function") instanceof Map<?, ?> function
                        && function.get("name") instanceof String name
                ? Optional.of(new PendingCall(id, name))
                : Optional.empty();
    }
}
