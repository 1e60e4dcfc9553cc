/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.gson.Gson;
import com.google.gson.JsonParser;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.ResponseFormatJsonSchema;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionNamedToolChoice;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.completions.CompletionUsage;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** OpenAI's own Java library, which checks that the answers have all fields of the right types. */
@Timeout(60)
class OpenAiJavaTest {

    private static final String QUESTION = "What is a lighthouse?";
    private static final String ANSWER =
            "a tower with a light that gives warning of shoals to passing ships";
    private static final String KEY = "key";

    private record Place(String city, int size) {}

    private static final Map<String, Object> SCHEMA =
            Map.of(
                    "type",
                    "object",
                    "properties",
                    Map.of(
                            "city", Map.of("type", "string", "maxLength", 12),
                            "size", Map.of("type", "integer", "minimum", 1, "maximum", 99)),
                    "required",
                    List.of("city", "size"),
                    "additionalProperties",
                    false);

    private static Served served;
    private static OpenAIClient client;

    @BeforeAll
    static void start() throws IOException {
        served = new Served();
        served.keys = List.of(KEY);
        served.start();
        client = client(served, KEY);
    }

    @AfterAll
    static void stop() {
        client.close();
        served.close();
    }

    private static OpenAIClient client(Served server, String key) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(server.uri("/v1").toString())
                .apiKey(key)
                .responseValidation(true)
                .maxRetries(0)
                .build();
    }

    private static ChatCompletionCreateParams.Builder question() {
        return ChatCompletionCreateParams.builder().model(Served.NAME).addUserMessage(QUESTION);
    }

    private static ChatCompletion ask(ChatCompletionCreateParams.Builder request) {
        return client.chat().completions().create(request.build());
    }

    private static String text(ChatCompletion answer) {
        return answer.choices().get(0).message().content().orElseThrow();
    }

    private static ChatCompletion streamed(ChatCompletionCreateParams.Builder request) {
        ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(request.build())) {
            stream.stream().forEach(accumulator::accumulate);
        }
        return accumulator.chatCompletion();
    }

    @Test
    void models() {
        assertThat(client.models().list().data().get(0).id()).isEqualTo(Served.NAME);
        assertThat(client.models().retrieve(Served.NAME).id()).isEqualTo(Served.NAME);
    }

    @Test
    void chat() {
        ChatCompletion answer = ask(question());
        assertThat(text(answer)).isEqualTo(ANSWER);
        assertThat(answer.choices().get(0).finishReason())
                .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
    }

    @Test
    void accumulatedStreamIsTheWholeAnswer() {
        ChatCompletionStreamOptions usage =
                ChatCompletionStreamOptions.builder().includeUsage(true).build();
        ChatCompletion whole = ask(sampled());
        ChatCompletion answer = streamed(sampled().streamOptions(usage));
        assertThat(answer.usage().orElseThrow())
                .extracting(CompletionUsage::promptTokens, CompletionUsage::completionTokens)
                .containsExactly(
                        whole.usage().orElseThrow().promptTokens(),
                        whole.usage().orElseThrow().completionTokens());
        assertThat(answer.choices()).hasSize(3);
        for (int i = 0; i < 3; ++i) {
            ChatCompletion.Choice expected = whole.choices().get(i);
            ChatCompletion.Choice actual = answer.choices().get(i);
            assertThat(actual.message().content()).isEqualTo(expected.message().content());
            assertThat(actual.finishReason()).isEqualTo(expected.finishReason());
            assertThat(actual.logprobs().flatMap(ChatCompletion.Choice.Logprobs::content))
                    .isEqualTo(expected.logprobs().flatMap(ChatCompletion.Choice.Logprobs::content))
                    .isPresent();
        }
    }

    private static ChatCompletionCreateParams.Builder sampled() {
        return question()
                .n(3)
                .temperature(1.5)
                .putAdditionalBodyProperty("seed", JsonValue.from(7))
                .maxCompletionTokens(20)
                .logprobs(true)
                .topLogprobs(2);
    }

    @Test
    void textHasTheSchema() {
        ResponseFormatJsonSchema.JsonSchema.Schema.Builder schema =
                ResponseFormatJsonSchema.JsonSchema.Schema.builder();
        SCHEMA.forEach((name, value) -> schema.putAdditionalProperty(name, JsonValue.from(value)));
        ResponseFormatJsonSchema format =
                ResponseFormatJsonSchema.builder()
                        .jsonSchema(
                                ResponseFormatJsonSchema.JsonSchema.builder()
                                        .name("place")
                                        .strict(true)
                                        .schema(schema.build())
                                        .build())
                        .build();
        String text = text(ask(question().responseFormat(format).maxCompletionTokens(200)));
        assertThat(JsonParser.parseString(text).getAsJsonObject().keySet())
                .containsExactlyInAnyOrder("city", "size");
        Place place = new Gson().fromJson(text, Place.class);
        assertThat(place.city()).hasSizeLessThanOrEqualTo(12);
        assertThat(place.size()).isBetween(1, 99);
    }

    private static ChatCompletionCreateParams.Builder withTool() {
        FunctionParameters.Builder parameters = FunctionParameters.builder();
        SCHEMA.forEach(
                (name, value) -> parameters.putAdditionalProperty(name, JsonValue.from(value)));
        return question()
                .addTool(
                        ChatCompletionFunctionTool.builder()
                                .function(
                                        FunctionDefinition.builder()
                                                .name("weather")
                                                .parameters(parameters.build())
                                                .build())
                                .build())
                .toolChoice(
                        ChatCompletionNamedToolChoice.builder()
                                .function(
                                        ChatCompletionNamedToolChoice.Function.builder()
                                                .name("weather")
                                                .build())
                                .build())
                .maxCompletionTokens(200);
    }

    @Test
    void toolIsCalled() {
        ChatCompletion.Choice choice = ask(withTool()).choices().get(0);
        assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.TOOL_CALLS);
        assertThat(choice.message().toolCalls().orElseThrow())
                .singleElement()
                .satisfies(
                        call ->
                                assertThat(call.asFunction().function().name())
                                        .isEqualTo("weather"));
    }

    @Test
    void completion() {
        CompletionCreateParams request =
                CompletionCreateParams.builder()
                        .model(Served.NAME)
                        .prompt("A fox")
                        .maxTokens(3)
                        .build();
        assertThat(client.completions().create(request).choices().get(0).text()).isNotEmpty();
    }

    @Test
    void responseAndItsStream() {
        ResponseCreateParams request =
                ResponseCreateParams.builder().model(Served.NAME).input(QUESTION).build();
        Response response = client.responses().create(request);
        assertThat(text(response)).isEqualTo(ANSWER);
        assertThat(response.status()).hasValue(ResponseStatus.COMPLETED);

        ResponseAccumulator accumulator = ResponseAccumulator.createWithSnapshots();
        StringBuilder deltas = new StringBuilder();
        try (StreamResponse<ResponseStreamEvent> stream =
                client.responses().createStreaming(request)) {
            stream.stream()
                    .map(ResponseStreamEvent::validate)
                    .peek(accumulator::accumulate)
                    .flatMap(event -> event.outputTextDelta().stream())
                    .forEach(event -> deltas.append(event.delta()));
        }
        assertThat(deltas).hasToString(ANSWER);
        assertThat(text(accumulator.response())).isEqualTo(ANSWER);
        assertThat(text(accumulator.reconstructedResponse())).isEqualTo(ANSWER);
    }

    private static String text(Response response) {
        return response.output().get(0).asMessage().content().get(0).asOutputText().text();
    }

    @Test
    void embeddingsInBothForms() {
        EmbeddingCreateParams.Builder request =
                EmbeddingCreateParams.builder()
                        .model(Served.NAME)
                        .inputOfArrayOfStrings(List.of("A fox.", "A hen."));
        CreateEmbeddingResponse floats =
                client.embeddings()
                        .create(
                                request.encodingFormat(EmbeddingCreateParams.EncodingFormat.FLOAT)
                                        .build());
        CreateEmbeddingResponse base64 =
                client.embeddings()
                        .create(
                                request.encodingFormat(EmbeddingCreateParams.EncodingFormat.BASE64)
                                        .build());
        assertThat(floats.data()).hasSize(2);
        for (int i = 0; i < 2; ++i) {
            assertThat(base64.data().get(i).embedding())
                    .isEqualTo(floats.data().get(i).embedding())
                    .isNotEmpty();
        }
    }

    @Test
    void errorsAreExceptionsOfTheirClasses() {
        assertThatExceptionOfType(BadRequestException.class)
                .isThrownBy(() -> ask(question().temperature(3)))
                .satisfies(e -> assertThat(e.param()).hasValue("temperature"));
        assertThatExceptionOfType(NotFoundException.class)
                .isThrownBy(() -> ask(question().model("gpt-4o")))
                .satisfies(e -> assertThat(e.code()).hasValue("model_not_found"));
        OpenAIClient stranger = client(served, "wrong");
        assertThatExceptionOfType(UnauthorizedException.class)
                .isThrownBy(() -> stranger.models().list())
                .satisfies(e -> assertThat(e.code()).hasValue("invalid_api_key"));
        stranger.close();
    }

    @Test
    void closedStreamMakesRoom() throws IOException {
        Served small = new Served();
        small.maxRequests = 1;
        ChatCompletionCreateParams endless =
                question()
                        .n(16)
                        .temperature(1)
                        .maxCompletionTokens(2000)
                        .putAdditionalBodyProperty("min_new_tokens", JsonValue.from(2000))
                        .build();
        try (Served server = small.start()) {
            OpenAIClient other = client(server, KEY);
            try (StreamResponse<ChatCompletionChunk> stream =
                    other.chat().completions().createStreaming(endless)) {
                assertThat(stream.stream().findFirst()).isPresent();
                assertThatExceptionOfType(RateLimitException.class)
                        .isThrownBy(() -> other.chat().completions().create(question().build()))
                        .satisfies(e -> assertThat(e.headers().values("Retry-After")).isNotEmpty());
            }
            server.await("http_requests_processing", 0);
            assertThat(text(other.chat().completions().create(question().build())))
                    .isEqualTo(ANSWER);
            other.close();
        }
    }
}
