/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.zoo.ToolModel;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.openai.ApiException;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls of tools by a random network: what they look like is due to the constraint alone. */
class ToolCallsApiTest extends OpenAiFixture {

    private static final String PARAMETERS =
            "{'type': 'object', 'properties': {'days': {'type': 'integer', 'minimum': 1,"
                    + " 'maximum': 14}}, 'required': ['days'], 'additionalProperties': false}";

    private static final String TOOLS =
            "'tools': [{'type': 'function', 'function': {'name': 'weather', 'parameters': "
                    + PARAMETERS
                    + "}}, {'type': 'function', 'function': {'name': 'now', 'strict': true}}],"
                    + " 'seed': 1, 'do_sample': true, 'max_new_tokens': 300";

    private static final String FLAT =
            "'input': 'a', 'tools': [{'type': 'function', 'name': 'weather', 'parameters': "
                    + PARAMETERS
                    + "}, {'type': 'function', 'name': 'now'}], 'seed': 1, 'do_sample': true,"
                    + " 'max_output_tokens': 300, 'parallel_tool_calls': false";

    @TempDir static Path directory;

    private static ZooModel<NDList, NDList> toolModel;
    private static MistralPipeline toolPipeline;
    private static OpenAi tools;

    @BeforeAll
    static void loadTools() throws Exception {
        ToolModel.write(directory);
        toolModel = Mistral.criteria(directory, NDList.class, NDList.class).build().loadModel();
        toolPipeline = MistralPipeline.open(toolModel);
        tools = new OpenAi("tools", toolPipeline, toolPipeline.defaults());
    }

    @AfterAll
    static void unloadTools() {
        toolPipeline.close();
        toolModel.close();
    }

    private static JsonObject choice(JsonObject answer) {
        return answer.getAsJsonArray("choices").get(0).getAsJsonObject();
    }

    @Test
    void aCallHasTheShapeOfTheReference() {
        JsonObject answer =
                whole(
                        tools::chatCompletions,
                        chat(TOOLS, "'tool_choice': 'required', 'parallel_tool_calls': false"));
        ShapesTest.assertChat(answer);
        JsonObject message = choice(answer).getAsJsonObject("message");
        assertThat(message.get("content").isJsonNull()).isTrue();
        assertThat(choice(answer).get("finish_reason").getAsString()).isEqualTo("tool_calls");
        JsonArray calls = message.getAsJsonArray("tool_calls");
        assertThat(calls).hasSize(1);
        JsonObject call = calls.get(0).getAsJsonObject();
        assertThat(call.keySet()).containsExactly("id", "type", "function");
        assertThat(call.get("type").getAsString()).isEqualTo("function");
        assertThat(call.getAsJsonObject("function").keySet()).containsExactly("name", "arguments");
    }

    @Test
    void oneFunctionByItsName() {
        JsonObject answer =
                whole(
                        tools::chatCompletions,
                        chat(
                                TOOLS,
                                "'tool_choice': {'type': 'function', 'function':"
                                        + " {'name': 'weather'}}, 'parallel_tool_calls': false"));
        JsonObject function =
                choice(answer)
                        .getAsJsonObject("message")
                        .getAsJsonArray("tool_calls")
                        .get(0)
                        .getAsJsonObject()
                        .getAsJsonObject("function");
        assertThat(function.get("name").getAsString()).isEqualTo("weather");
        assertThat(json(function.get("arguments").getAsString()).get("days").getAsInt())
                .isBetween(1, 14);
    }

    @Test
    void theStreamIsTheWholeAnswer() {
        String choice = "'tool_choice': 'required', 'parallel_tool_calls': false";
        JsonArray whole =
                choice(whole(tools::chatCompletions, chat(TOOLS, choice)))
                        .getAsJsonObject("message")
                        .getAsJsonArray("tool_calls");
        StringBuilder names = new StringBuilder();
        StringBuilder arguments = new StringBuilder();
        String finishReason = "";
        for (JsonObject chunk :
                chunks(tools::chatCompletions, chat(TOOLS, choice, "'stream': true"))) {
            ShapesTest.assertChunk(chunk);
            JsonObject delta = choice(chunk).getAsJsonObject("delta");
            if (delta.has("tool_calls")) {
                JsonObject call = delta.getAsJsonArray("tool_calls").get(0).getAsJsonObject();
                JsonObject function = call.getAsJsonObject("function");
                assertThat(call.get("index").getAsInt()).isZero();
                assertThat(call.has("id")).isEqualTo(function.has("name"));
                names.append(function.has("name") ? function.get("name").getAsString() : "");
                arguments.append(function.get("arguments").getAsString());
            }
            JsonElement reason = choice(chunk).get("finish_reason");
            finishReason = reason.isJsonNull() ? finishReason : reason.getAsString();
        }
        JsonObject function = whole.get(0).getAsJsonObject().getAsJsonObject("function");
        assertThat(names).hasToString(function.get("name").getAsString());
        assertThat(arguments).hasToString(function.get("arguments").getAsString());
        assertThat(finishReason).isEqualTo("tool_calls");
    }

    @Test
    void responsesHaveItemsOfCalls() {
        String fields = "'tool_choice': {'type': 'function', 'name': 'weather'}";
        JsonObject response = whole(tools::responses, request(FLAT, fields));
        ShapesTest.assertResponse(response);
        JsonObject item = response.getAsJsonArray("output").get(0).getAsJsonObject();
        assertThat(item.get("type").getAsString()).isEqualTo("function_call");
        List<ServerSentEvent> events =
                events(tools::responses, request(FLAT, fields, "'stream': true"));
        events.forEach(ShapesTest::assertEvent);
        assertThat(events.stream().map(ServerSentEvent::name).distinct())
                .containsExactly(
                        "response.created",
                        "response.in_progress",
                        "response.output_item.added",
                        "response.function_call_arguments.delta",
                        "response.function_call_arguments.done",
                        "response.output_item.done",
                        "response.completed");
        StringBuilder arguments = new StringBuilder();
        for (ServerSentEvent event : events) {
            if (String.valueOf(event.name()).endsWith("arguments.delta")) {
                arguments.append(json(event.data()).get("delta").getAsString());
            }
        }
        assertThat(arguments).hasToString(item.get("arguments").getAsString());
    }

    @Test
    void callsAndResultsAreReadAlikeByBothEndpoints() {
        JsonObject chat =
                whole(
                        tools::chatCompletions,
                        request(
                                "'messages': [{'role': 'user', 'content': 'a'},"
                                        + " {'role': 'assistant', 'content': null, 'tool_calls':"
                                        + " [{'id': 'call_1', 'type': 'function', 'function':"
                                        + " {'name': 'now', 'arguments': '{}'}}]},"
                                        + " {'role': 'tool', 'tool_call_id': 'call_1',"
                                        + " 'content': 'noon'}], 'max_tokens': 4"));
        JsonObject response =
                whole(
                        tools::responses,
                        request(
                                "'input': [{'role': 'user', 'content': 'a'},"
                                        + " {'type': 'function_call', 'id': 'fc_1', 'call_id':"
                                        + " 'call_1', 'name': 'now', 'arguments': '{}'},"
                                        + " {'type': 'function_call_output', 'call_id': 'call_1',"
                                        + " 'output': 'noon'}], 'max_output_tokens': 4"));
        assertThat(response.getAsJsonObject("usage").get("input_tokens"))
                .isEqualTo(chat.getAsJsonObject("usage").get("prompt_tokens"));
        assertThat(
                        response.getAsJsonArray("output")
                                .get(0)
                                .getAsJsonObject()
                                .getAsJsonArray("content")
                                .get(0)
                                .getAsJsonObject()
                                .get("text"))
                .isEqualTo(choice(chat).getAsJsonObject("message").get("content"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'tools': [5]                                        | tools[0]",
                "'tools': [{'type': 'function'}]                     | tools[0].function",
                "'tools': [{'type': 'custom', 'custom': {}}]         | tools[0].type",
                "'tools': [{'type': 'function', 'function': {'name': 'f', 'a': 1}}] | tools[0].function.a",
                "'tools': [{'type': 'function', 'function': {'name': 'f g'}}] | messages",
                "'tool_choice': 'required'                           | tools",
                "'tool_choice': 'sometimes'                          | tool_choice",
                "'tool_choice': {'type': 'allowed_tools'}            | tool_choice.type",
                "'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': {'not': {}}}}] | tools",
                "'tools': [{'type': 'function', 'function': {'name': 'f'}}], 'tool_choice': {'type': 'function', 'function': {'name': 'g'}} | tools",
                "'parallel_tool_calls': 1                            | parallel_tool_calls",
            })
    void faultyToolsAreNamed(String field, String param) {
        ApiException refusal = refused(tools::chatCompletions, chat(field));
        assertThat(refusal).as("a refusal").isNotNull();
        assertThat(refusal.param()).isEqualTo(param);
    }

    @Test
    void aFaultyOptionIsNamedAlsoBesideTools() {
        ApiException refusal =
                refused(tools::chatCompletions, chat(TOOLS, "'top_k': -1, 'temperature': 1"));
        assertThat(refusal.param()).isEqualTo("top_k");
    }

    @Test
    void aModelWithoutToolsSaysSo(@TempDir Path plain) throws Exception {
        ToolModel.write(plain, "instruct-sept-2024");
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(plain, NDList.class, NDList.class).build().loadModel();
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            OpenAi other = new OpenAi("plain", pipeline, pipeline.defaults());
            assertThat(refused(other::chatCompletions, chat(TOOLS)))
                    .hasMessageContaining("cannot call tools");
        }
    }
}
