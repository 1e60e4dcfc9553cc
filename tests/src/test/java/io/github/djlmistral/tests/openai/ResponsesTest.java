/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Answers of {@code /v1/responses}. */
class ResponsesTest extends OpenAiFixture {

    private static final String INPUT = "'input': 'What is a lighthouse?'";

    private static JsonObject respond(String first, String... fields) {
        return whole(api::responses, request(first, fields));
    }

    private static JsonObject part(JsonObject response) {
        JsonObject item = response.getAsJsonArray("output").get(0).getAsJsonObject();
        return item.getAsJsonArray("content").get(0).getAsJsonObject();
    }

    @Test
    void theAnswerHasTheShapeOfTheReference() {
        JsonObject response = respond(INPUT, "'metadata': {'a': 'b'}", "'top_p': 1");
        assertThat(response.remove("id").getAsString()).startsWith("resp_");
        response.remove("created_at");
        JsonObject item = response.getAsJsonArray("output").get(0).getAsJsonObject();
        assertThat(item.remove("id").getAsString()).startsWith("msg_");
        part(response).remove("text");
        assertThat(response)
                .isEqualTo(
                        json(
                                """
                                {"object": "response", "status": "completed", "background": false,
                                 "error": null, "incomplete_details": null, "model": "tiny",
                                 "output": [{"type": "message", "role": "assistant",
                                  "status": "completed", "content": [{"type": "output_text",
                                   "annotations": [], "logprobs": []}]}],
                                 "previous_response_id": null,
                                 "reasoning": {"effort": null, "summary": null},
                                 "service_tier": "default",
                                 "truncation": "disabled",
                                 "usage": {"input_tokens": 11,
                                  "input_tokens_details": {"cached_tokens": 0,
                                   "cache_write_tokens": 0},
                                  "output_tokens": 18,
                                  "output_tokens_details": {"reasoning_tokens": 0},
                                  "total_tokens": 29},
                                 "instructions": null, "max_output_tokens": null,
                                 "temperature": null, "top_p": 1, "top_logprobs": 0,
                                 "text": {"format": {"type": "text"}}, "user": null,
                                 "safety_identifier": null, "prompt_cache_key": null,
                                 "tools": [], "tool_choice": "auto", "parallel_tool_calls": true,
                                 "metadata": {"a": "b"}}
                                """));
    }

    @Test
    void theEventsAreThoseOfTheReference() {
        List<ServerSentEvent> events =
                events(api::responses, request(INPUT, "'stream': true", "'max_output_tokens': 2"));
        assertThat(events.stream().map(ServerSentEvent::name))
                .containsExactly(
                        "response.created",
                        "response.in_progress",
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.output_text.delta",
                        "response.output_text.delta",
                        "response.output_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                        "response.incomplete");
        for (int i = 0; i < events.size(); ++i) {
            JsonObject data = json(events.get(i).data());
            assertThat(data.get("type").getAsString()).isEqualTo(events.get(i).name());
            assertThat(data.get("sequence_number").getAsInt()).isEqualTo(i);
        }
    }

    @Test
    void theStreamIsTheWholeAnswer() {
        String logprobs = "'include': ['message.output_text.logprobs']";
        JsonObject whole = respond(INPUT, logprobs);
        List<ServerSentEvent> events =
                events(api::responses, request(INPUT, "'stream': true", logprobs));
        String deltas =
                events.stream()
                        .filter(e -> String.valueOf(e.name()).endsWith("output_text.delta"))
                        .map(event -> json(event.data()).get("delta").getAsString())
                        .collect(Collectors.joining());
        assertThat(deltas).isEqualTo(ANSWER);
        ServerSentEvent last = events.get(events.size() - 1);
        assertThat(last.name()).isEqualTo("response.completed");
        JsonObject response = json(last.data()).getAsJsonObject("response");
        assertThat(part(response)).isEqualTo(part(whole));
        assertThat(response.get("usage")).isEqualTo(whole.get("usage"));
        assertThat(part(whole).getAsJsonArray("logprobs")).hasSize(17);
    }

    @Test
    void itemsAreMessages() {
        JsonObject items =
                respond(
                        "'instructions': 'Be brief.', 'input': ["
                                + "{'role': 'user', 'content': 'What is a fox?'},"
                                + "{'type': 'message', 'id': 'msg_1', 'role': 'assistant',"
                                + " 'status': 'completed', 'content': [{'type': 'output_text',"
                                + " 'text': 'an animal', 'annotations': []}]},"
                                + "{'type': 'message', 'role': 'user', 'content':"
                                + " [{'type': 'input_text', 'text': 'What is a lighthouse?'}]}]");
        JsonObject messages =
                whole(
                        request(
                                "'messages': [{'role': 'system', 'content': 'Be brief.'},"
                                        + "{'role': 'user', 'content': 'What is a fox?'},"
                                        + "{'role': 'assistant', 'content': 'an animal'},"
                                        + QUESTION
                                        + "]"));
        assertThat(part(items).get("text"))
                .isEqualTo(
                        messages.getAsJsonArray("choices")
                                .get(0)
                                .getAsJsonObject()
                                .getAsJsonObject("message")
                                .get("content"));
        assertThat(items.getAsJsonObject("usage").get("input_tokens"))
                .isEqualTo(messages.getAsJsonObject("usage").get("prompt_tokens"));
    }

    @Test
    void theTextHasItsFormat() {
        JsonObject response =
                respond(
                        INPUT,
                        "'text': {'format': {'type': 'json_schema', 'name': 'n', 'strict': true,"
                                + " 'schema': {'const': {'a': [1, null]}}}}");
        assertThat(json(part(response).get("text").getAsString()))
                .isEqualTo(json("{\"a\": [1, null]}"));
    }
}
