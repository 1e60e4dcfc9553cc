/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallDelta;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shape {@code response}, and the events of its stream. */
final class ResponsesFormat implements AnswerFormat {

    private final AnswerHeader header;
    private final JsonObject echo;
    private final @Nullable Logprobs logprobs;

    private final String messageId = AnswerHeader.newId("msg_");
    private final List<String> callIds = new ArrayList<>();

    /** The number of items that are complete, and whether there is one more. */
    private int items;

    private boolean open;
    private int sequence;

    /**
     * Makes a format.
     *
     * @param header the name of the answer
     * @param echo what it repeats of the request
     * @param logprobs null if they are not asked for
     */
    ResponsesFormat(AnswerHeader header, JsonObject echo, @Nullable Logprobs logprobs) {
        this.header = header;
        this.echo = echo;
        this.logprobs = logprobs;
    }

    @Override
    public JsonObject whole(List<Choice> choices, Usage usage) {
        Choice choice = choices.get(0);
        return response(status(choice), output(choice), usage);
    }

    private static String status(Choice choice) {
        return "length".equals(choice.finishReason()) ? "incomplete" : "completed";
    }

    private JsonArray output(Choice choice) {
        JsonArray output = new JsonArray();
        List<ToolCall> calls = choice.toolCalls();
        if (!choice.text().isEmpty() || calls.isEmpty()) {
            output.add(message(status(choice), part(choice.text(), choice.tokens())));
        }
        for (int i = 0; i < calls.size(); ++i) {
            output.add(call(i == calls.size() - 1 ? status(choice) : "completed", calls.get(i), i));
        }
        return output;
    }

    private JsonObject call(String status, ToolCall call, int index) {
        while (callIds.size() <= index) {
            callIds.add(AnswerHeader.newId("fc_"));
        }
        return Json.object(
                "id", callIds.get(index),
                "type", "function_call",
                "status", status,
                "call_id", call.id(),
                "name", call.name(),
                "arguments", call.arguments());
    }

    private JsonObject response(String status, JsonArray output, @Nullable Usage usage) {
        JsonObject response =
                Json.object(
                        "id",
                        header.id(),
                        "object",
                        "response",
                        "created_at",
                        header.created(),
                        "status",
                        status,
                        "background",
                        false,
                        "error",
                        null,
                        "incomplete_details",
                        status.equals("incomplete")
                                ? Json.object("reason", "max_output_tokens")
                                : null,
                        "model",
                        header.model(),
                        "output",
                        output,
                        "previous_response_id",
                        null,
                        "reasoning",
                        Json.object("effort", null, "summary", null),
                        "service_tier",
                        "default",
                        "truncation",
                        "disabled",
                        "usage",
                        usage == null ? null : usage(usage));
        echo.asMap().forEach(response::add);
        return response;
    }

    private static JsonObject usage(Usage usage) {
        return Json.object(
                "input_tokens", usage.prompt(),
                "input_tokens_details",
                        Json.object("cached_tokens", usage.cached(), "cache_write_tokens", 0),
                "output_tokens", usage.completion(),
                "output_tokens_details", Json.object("reasoning_tokens", 0),
                "total_tokens", usage.prompt() + usage.completion());
    }

    private JsonObject message(String status, JsonObject... parts) {
        return Json.object(
                "id", messageId,
                "type", "message",
                "role", "assistant",
                "status", status,
                "content", parts);
    }

    private JsonObject part(String text, List<TextToken> tokens) {
        return Json.object(
                "type",
                "output_text",
                "text",
                text,
                "annotations",
                List.of(),
                "logprobs",
                logprobs(tokens, true));
    }

    /** Returns log-probabilities, which have no bytes in the events of texts. */
    private JsonArray logprobs(List<TextToken> tokens, boolean bytes) {
        JsonArray content = logprobs == null ? new JsonArray() : logprobs.content(tokens);
        for (JsonElement token : content) {
            bytes(token.getAsJsonObject(), bytes);
            token.getAsJsonObject()
                    .getAsJsonArray("top_logprobs")
                    .forEach(other -> bytes(other.getAsJsonObject(), bytes));
        }
        return content;
    }

    private static void bytes(JsonObject token, boolean kept) {
        if (!kept) {
            token.remove("bytes");
        } else if (token.get("bytes").isJsonNull()) { // a control token
            token.add("bytes", new JsonArray());
        }
    }

    @Override
    public List<ServerSentEvent> begin() {
        JsonObject response = response("in_progress", new JsonArray(), null);
        return List.of(
                event("response.created", "response", response),
                event("response.in_progress", "response", response));
    }

    @Override
    public List<ServerSentEvent> next(Choice choice, Delta delta) {
        List<ServerSentEvent> events = new ArrayList<>();
        boolean silent = delta.finishReason() != null && choice.toolCalls().isEmpty();
        if (!open && (!delta.text().isEmpty() || silent)) {
            open = true;
            events.add(ofItem("response.output_item.added", "item", message("in_progress")));
            events.add(ofPart("response.content_part.added", "part", part("", List.of())));
        }
        if (!delta.text().isEmpty()) {
            events.add(
                    ofPart(
                            "response.output_text.delta",
                            "delta",
                            delta.text(),
                            "logprobs",
                            logprobs(delta.tokens(), false)));
        }
        for (ToolCallDelta piece : delta.calls()) {
            if (piece.id() != null && piece.name() != null) {
                endItem(events, choice, "completed");
                open = true;
                ToolCall begun = new ToolCall(piece.id(), piece.name(), "");
                events.add(
                        ofItem(
                                "response.output_item.added",
                                "item",
                                call("in_progress", begun, piece.index())));
            }
            if (!piece.arguments().isEmpty()) {
                events.add(
                        ofItem(
                                "response.function_call_arguments.delta",
                                "item_id",
                                callIds.get(piece.index()),
                                "delta",
                                piece.arguments()));
            }
        }
        return events;
    }

    /** Ends the item that is open: the message, or the last of the calls that have begun. */
    private void endItem(List<ServerSentEvent> events, Choice choice, String status) {
        if (!open) {
            return;
        }
        open = false;
        if (callIds.isEmpty()) {
            JsonArray logs = logprobs(choice.tokens(), false);
            events.add(
                    ofPart("response.output_text.done", "text", choice.text(), "logprobs", logs));
            JsonObject part = part(choice.text(), choice.tokens());
            events.add(ofPart("response.content_part.done", "part", part));
            events.add(ofItem("response.output_item.done", "item", message(status, part)));
        } else {
            int index = callIds.size() - 1;
            ToolCall call = choice.toolCalls().get(index);
            events.add(
                    ofItem(
                            "response.function_call_arguments.done",
                            "item_id",
                            callIds.get(index),
                            "arguments",
                            call.arguments()));
            events.add(ofItem("response.output_item.done", "item", call(status, call, index)));
        }
        ++items;
    }

    @Override
    public List<ServerSentEvent> end(List<Choice> choices, Usage usage) {
        Choice choice = choices.get(0);
        String status = status(choice);
        List<ServerSentEvent> events = new ArrayList<>();
        endItem(events, choice, status);
        JsonObject response = response(status, output(choice), usage);
        events.add(event("response." + status, "response", response));
        return events;
    }

    @Override
    public ServerSentEvent failure(ApiException failure) {
        return event(
                "error",
                "code",
                failure.code(),
                "message",
                failure.getMessage(),
                "param",
                failure.param());
    }

    /** Makes an event of the only part of the message. */
    private ServerSentEvent ofPart(String type, Object... members) {
        List<Object> all = new ArrayList<>(List.of("item_id", messageId, "content_index", 0));
        all.addAll(List.of(members));
        return ofItem(type, all.toArray());
    }

    /** Makes an event of the item that is open. */
    private ServerSentEvent ofItem(String type, Object... members) {
        List<Object> all = new ArrayList<>(List.of("output_index", items));
        all.addAll(List.of(members));
        return event(type, all.toArray());
    }

    private ServerSentEvent event(String type, @Nullable Object... members) {
        JsonObject data = Json.object("type", type, "sequence_number", sequence++);
        Json.object(members).asMap().forEach(data::add);
        return new ServerSentEvent(type, Json.text(data));
    }
}
