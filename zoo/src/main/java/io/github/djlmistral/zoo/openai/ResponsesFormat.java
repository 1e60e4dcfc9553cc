/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shape {@code response}, and the events of its stream. */
final class ResponsesFormat implements AnswerFormat {

    private final AnswerHeader header;
    private final JsonObject echo;
    private final @Nullable Logprobs logprobs;

    private final String messageId = AnswerHeader.newId("msg_");
    private boolean messageBegun;
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
        output.add(message(status(choice), part(choice.text(), choice.tokens())));
        return output;
    }

    private JsonObject response(String status, JsonArray output, @Nullable Usage usage) {
        JsonObject response =
                Json.object(
                        "id", header.id(),
                        "object", "response",
                        "created_at", header.created(),
                        "status", status,
                        "background", false,
                        "error", null,
                        "incomplete_details",
                                status.equals("incomplete")
                                        ? Json.object("reason", "max_output_tokens")
                                        : null,
                        "model", header.model(),
                        "output", output,
                        "previous_response_id", null,
                        "reasoning", Json.object("effort", null, "summary", null),
                        "service_tier", "default",
                        "store", false,
                        "truncation", "disabled",
                        "usage", usage == null ? null : usage(usage));
        echo.asMap().forEach(response::add);
        return response;
    }

    private static JsonObject usage(Usage usage) {
        return Json.object(
                "input_tokens", usage.prompt(),
                "input_tokens_details", Json.object("cached_tokens", 0, "cache_write_tokens", 0),
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
                "type", "output_text",
                "text", text,
                "annotations", List.of(),
                "logprobs", logprobs(tokens));
    }

    private JsonArray logprobs(List<TextToken> tokens) {
        return logprobs == null ? new JsonArray() : logprobs.content(tokens);
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
        if (!delta.text().isEmpty() || delta.finishReason() != null) {
            beginMessage(events);
        }
        if (!delta.text().isEmpty()) {
            events.add(
                    ofPart(
                            "response.output_text.delta",
                            "delta",
                            delta.text(),
                            "logprobs",
                            logprobs(delta.tokens())));
        }
        return events;
    }

    private void beginMessage(List<ServerSentEvent> events) {
        if (!messageBegun) {
            messageBegun = true;
            JsonObject item = message("in_progress");
            events.add(event("response.output_item.added", "output_index", 0, "item", item));
            events.add(ofPart("response.content_part.added", "part", part("", List.of())));
        }
    }

    @Override
    public List<ServerSentEvent> end(List<Choice> choices, Usage usage) {
        Choice choice = choices.get(0);
        String status = status(choice);
        List<ServerSentEvent> events = new ArrayList<>();
        JsonObject part = part(choice.text(), choice.tokens());
        events.add(
                ofPart(
                        "response.output_text.done",
                        "text",
                        choice.text(),
                        "logprobs",
                        logprobs(choice.tokens())));
        events.add(ofPart("response.content_part.done", "part", part));
        events.add(
                event(
                        "response.output_item.done",
                        "output_index",
                        0,
                        "item",
                        message(status, part)));
        events.add(
                event(
                        "response." + status,
                        "response",
                        response(status, output(choice), usage)));
        return events;
    }

    @Override
    public ServerSentEvent failure(ApiException failure) {
        return event(
                "error",
                "code", failure.code(),
                "message", failure.getMessage(),
                "param", failure.param());
    }

    /** Makes an event of the only part of the message. */
    private ServerSentEvent ofPart(String type, Object... members) {
        List<Object> all = new ArrayList<>();
        all.addAll(List.of("item_id", messageId, "output_index", 0, "content_index", 0));
        all.addAll(List.of(members));
        return event(type, all.toArray());
    }

    private ServerSentEvent event(String type, @Nullable Object... members) {
        JsonObject data = Json.object("type", type, "sequence_number", sequence++);
        Json.object(members).asMap().forEach(data::add);
        return new ServerSentEvent(type, Json.text(data));
    }
}
