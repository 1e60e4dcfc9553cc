/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallDelta;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shapes {@code chat.completion} and {@code chat.completion.chunk}. */
final class ChatFormat implements AnswerFormat {

    private final AnswerHeader header;
    private final int count;
    private final @Nullable Logprobs logprobs;
    private final Chunks chunks;

    /**
     * Makes a format.
     *
     * @param header what all answers have in common
     * @param count number of choices
     * @param logprobs null if they are not asked for
     * @param includesUsage whether a stream ends with the usage
     */
    ChatFormat(AnswerHeader header, int count, @Nullable Logprobs logprobs, boolean includesUsage) {
        this.header = header;
        this.count = count;
        this.logprobs = logprobs;
        chunks = new Chunks(header, "chat.completion.chunk", includesUsage);
    }

    @Override
    public JsonObject whole(List<Choice> choices, Usage usage) {
        JsonArray array = new JsonArray();
        for (Choice choice : choices) {
            JsonObject logs = logprobs == null ? null : logprobs(logprobs.content(choice.tokens()));
            array.add(
                    Json.object(
                            "index", choice.index(),
                            "message", message(choice),
                            "logprobs", logs,
                            "finish_reason", choice.finishReason()));
        }
        JsonObject answer = header.json("chat.completion");
        answer.add("choices", array);
        answer.add("usage", usage.json());
        return answer;
    }

    private static JsonObject message(Choice choice) {
        List<ToolCall> calls = choice.toolCalls();
        boolean silent = choice.text().isEmpty() && !calls.isEmpty();
        JsonObject message =
                Json.object(
                        "role",
                        "assistant",
                        "content",
                        silent ? null : choice.text(),
                        "refusal",
                        null);
        if (!calls.isEmpty()) {
            JsonArray array = new JsonArray();
            for (ToolCall call : calls) {
                array.add(Json.tree(call.fields()));
            }
            message.add("tool_calls", array);
        }
        return message;
    }

    private static JsonObject delta(ToolCallDelta call) {
        JsonObject function = new JsonObject();
        JsonObject piece = Json.object("index", call.index());
        if (call.id() != null) {
            piece.addProperty("id", call.id());
            piece.addProperty("type", "function");
            function.addProperty("name", call.name());
        }
        function.addProperty("arguments", call.arguments());
        piece.add("function", function);
        return piece;
    }

    private static JsonObject logprobs(JsonArray content) {
        return Json.object("content", content, "refusal", null);
    }

    @Override
    public List<ServerSentEvent> begin() {
        List<ServerSentEvent> events = new ArrayList<>();
        for (int index = 0; index < count; ++index) {
            JsonObject delta = Json.object("role", "assistant", "content", "", "refusal", null);
            events.add(chunk(index, delta, null, null));
        }
        return events;
    }

    @Override
    public List<ServerSentEvent> next(Choice choice, Delta delta) {
        List<ServerSentEvent> events = new ArrayList<>();
        if (!delta.text().isEmpty() || !delta.tokens().isEmpty()) {
            JsonObject logs = logprobs == null ? null : logprobs(logprobs.content(delta.tokens()));
            events.add(chunk(choice.index(), Json.object("content", delta.text()), logs, null));
        }
        for (ToolCallDelta call : delta.calls()) {
            JsonArray calls = new JsonArray();
            calls.add(delta(call));
            events.add(chunk(choice.index(), Json.object("tool_calls", calls), null, null));
        }
        if (delta.finishReason() != null) {
            events.add(chunk(choice.index(), new JsonObject(), null, delta.finishReason()));
        }
        return events;
    }

    private ServerSentEvent chunk(
            int index, JsonObject delta, @Nullable JsonObject logs, @Nullable String finishReason) {
        return chunks.of(
                Json.object(
                        "index", index,
                        "delta", delta,
                        "logprobs", logs,
                        "finish_reason", finishReason));
    }

    @Override
    public ServerSentEvent failure(ApiException failure) {
        return new ServerSentEvent(null, failure.toJson());
    }

    @Override
    public List<ServerSentEvent> end(List<Choice> choices, Usage usage) {
        return chunks.end(usage);
    }
}
