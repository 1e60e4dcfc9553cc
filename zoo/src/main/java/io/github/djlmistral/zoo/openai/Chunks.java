/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The events of a stream of chunks, which ends with {@code [DONE]}.
 *
 * @param header what all chunks have in common
 * @param object the name of their shape
 * @param includesUsage whether a last chunk without choices has the usage, which is null in the
 *     others then
 */
record Chunks(AnswerHeader header, String object, boolean includesUsage) {

    /** Returns the event of a choice. */
    ServerSentEvent of(JsonElement choice) {
        JsonArray choices = new JsonArray();
        choices.add(choice);
        return event(choices, null);
    }

    /** Returns the events after the last choice. */
    List<ServerSentEvent> end(Usage usage) {
        ServerSentEvent done = new ServerSentEvent(null, "[DONE]");
        return includesUsage ? List.of(event(new JsonArray(), usage), done) : List.of(done);
    }

    private ServerSentEvent event(JsonArray choices, @Nullable Usage usage) {
        JsonObject chunk = header.json(object);
        chunk.add("choices", choices);
        if (includesUsage) {
            chunk.add("usage", usage == null ? null : usage.json());
        }
        return new ServerSentEvent(null, Json.text(chunk));
    }
}
