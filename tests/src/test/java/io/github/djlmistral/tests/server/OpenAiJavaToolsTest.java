/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonParser;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.responses.FunctionTool;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseFunctionToolCall;
import com.openai.models.responses.ResponseStreamEvent;
import com.openai.models.responses.ToolChoiceOptions;
import io.github.djlmistral.tests.zoo.ToolModel;
import io.github.djlmistral.zoo.Mistral;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls of tools in OpenAI's own Java library, which checks the answers' fields. */
@Timeout(60)
class OpenAiJavaToolsTest {

    private static final Map<String, JsonValue> PARAMETERS =
            Map.of(
                    "type",
                    JsonValue.from("object"),
                    "properties",
                    JsonValue.from(Map.of("on", Map.of("type", "boolean"))),
                    "required",
                    JsonValue.from(List.of("on")),
                    "additionalProperties",
                    JsonValue.from(false));

    private static ZooModel<NDList, NDList> model;
    private static Served served;
    private static OpenAIClient client;

    @BeforeAll
    static void start(@TempDir Path directory) throws Exception {
        ToolModel.write(directory);
        model = Mistral.criteria(directory, NDList.class, NDList.class).build().loadModel();
        served = new Served();
        served.model = model;
        served.start();
        client =
                OpenAIOkHttpClient.builder()
                        .baseUrl(served.uri("/v1").toString())
                        .apiKey("none")
                        .responseValidation(true)
                        .maxRetries(0)
                        .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        served.close();
        model.close();
    }

    private static ChatCompletionCreateParams.Builder question() {
        return ChatCompletionCreateParams.builder()
                .model(Served.NAME)
                .addUserMessage("Light!")
                .addTool(
                        ChatCompletionFunctionTool.builder()
                                .function(
                                        FunctionDefinition.builder()
                                                .name("light")
                                                .parameters(
                                                        FunctionParameters.builder()
                                                                .additionalProperties(PARAMETERS)
                                                                .build())
                                                .build())
                                .build())
                .parallelToolCalls(false)
                .maxCompletionTokens(100);
    }

    private static ChatCompletionCreateParams.Builder required() {
        return question().toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED);
    }

    private static ChatCompletionMessageFunctionToolCall call(ChatCompletion answer) {
        ChatCompletion.Choice choice = answer.choices().get(0);
        assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.TOOL_CALLS);
        assertThat(choice.message().toolCalls().orElseThrow()).hasSize(1);
        var call = choice.message().toolCalls().orElseThrow().get(0).asFunction();
        assertThat(call.function().name()).isEqualTo("light");
        assertIsOn(call.function().arguments());
        return call;
    }

    private static void assertIsOn(String arguments) {
        var json = JsonParser.parseString(arguments).getAsJsonObject();
        assertThat(json.keySet()).containsExactly("on");
        assertThat(json.getAsJsonPrimitive("on").isBoolean()).isTrue();
    }

    @Test
    void callAndItsResult() {
        ChatCompletion answer = client.chat().completions().create(required().build());
        ChatCompletionCreateParams next =
                question()
                        .addMessage(answer.choices().get(0).message())
                        .addMessage(
                                ChatCompletionToolMessageParam.builder()
                                        .toolCallId(call(answer).id())
                                        .content("{\"on\": true}")
                                        .build())
                        .maxCompletionTokens(5)
                        .build();
        assertThat(client.chat().completions().create(next).choices()).hasSize(1);
    }

    @Test
    void streamedCallIsTheWholeOne() {
        ChatCompletion whole = client.chat().completions().create(required().build());
        ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(required().build())) {
            stream.stream().map(ChatCompletionChunk::validate).forEach(accumulator::accumulate);
        }
        assertThat(call(accumulator.chatCompletion()).function()).isEqualTo(call(whole).function());
    }

    @Test
    void callInAResponseAndItsStream() {
        ResponseCreateParams request =
                ResponseCreateParams.builder()
                        .model(Served.NAME)
                        .input("Light!")
                        .addTool(
                                FunctionTool.builder()
                                        .name("light")
                                        .parameters(
                                                FunctionTool.Parameters.builder()
                                                        .additionalProperties(PARAMETERS)
                                                        .build())
                                        .strict(true)
                                        .build())
                        .toolChoice(ToolChoiceOptions.REQUIRED)
                        .parallelToolCalls(false)
                        .maxOutputTokens(100)
                        .build();
        ResponseFunctionToolCall call = call(client.responses().create(request));
        ResponseAccumulator accumulator = ResponseAccumulator.create();
        try (StreamResponse<ResponseStreamEvent> stream =
                client.responses().createStreaming(request)) {
            stream.stream().map(ResponseStreamEvent::validate).forEach(accumulator::accumulate);
        }
        assertThat(call(accumulator.response()).arguments()).isEqualTo(call.arguments());
    }

    private static ResponseFunctionToolCall call(Response response) {
        assertThat(response.output()).hasSize(1);
        ResponseFunctionToolCall call = response.output().get(0).asFunctionCall();
        assertThat(call.name()).isEqualTo("light");
        assertThat(call.callId()).isNotEmpty();
        assertIsOn(call.arguments());
        return call;
    }
}
