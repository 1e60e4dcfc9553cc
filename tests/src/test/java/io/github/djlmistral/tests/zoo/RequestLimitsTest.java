/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests above a limit of the model are rejected in one sentence. */
class RequestLimitsTest extends ZooFixture {

    /** {@link #QUESTION} has 11 tokens as a prompt, its answer has 17. */
    private static ZooModel<ChatInput, ChatOutput> limited(String name, Object value)
            throws Exception {
        return Mistral.criteria(ChatInput.class, ChatOutput.class)
                .optArgument(name, value)
                .build()
                .loadModel();
    }

    private static ChatInput question(Map<String, Object> options) {
        return new ChatInput(List.of(Message.user(QUESTION)), options);
    }

    @Test
    void aLongPromptIsRefused() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = limited("max_input_tokens", 11);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatInput longer = new ChatInput(Message.user("What is a small lighthouse?"));
            assertThatThrownBy(() -> predictor.predict(longer))
                    .hasMessageContaining(
                            "the prompt has 12 tokens, above max_input_tokens of this model, 11:"
                                    + " shorten it");
            assertThatThrownBy(() -> predictor.streamingPredict(longer))
                    .hasMessageContaining("max_input_tokens");
            assertThatThrownBy(() -> predictor.batchPredict(List.of(question(Map.of()), longer)))
                    .hasMessageContaining("prompt 1 has 12 tokens");
            assertThat(predictor.predict(question(Map.of())).content()).isEqualTo(ANSWER);
        }
    }

    @Test
    void explicitMaxNewTokensMustFitTheLimit() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = limited("maxTotalTokens", 20);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(question(tokens(10))))
                    .hasMessageContaining(
                            "the prompt has 11 tokens and max_new_tokens is 10, together above"
                                    + " max_total_tokens of this model, 20: set max_new_tokens to 9"
                                    + " at most");
            assertThat(predictor.predict(question(tokens(9))).completionTokens()).isEqualTo(9);
            ChatOutput output = predictor.predict(question(Map.of()));
            assertThat(output.completionTokens()).isEqualTo(9);
            assertThat(output.finishReason()).isEqualTo(FinishReason.LENGTH);
            ChatInput longer = new ChatInput(Message.user("water ".repeat(20)));
            assertThatThrownBy(() -> predictor.predict(longer))
                    .hasMessageContaining("above max_total_tokens of this model, 20, with at least")
                    .hasMessageContaining("shorten it");
        }
    }

    @Test
    void excessRequestIsRejectedUntilAnotherEnds() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = limited("max_concurrent_requests", 2);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatInput input = question(tokens(4));
            predictor.predict(input); // the kernels make their constants
            int before = resources(model.getNDManager());
            TextStream<ChatOutput> first = TextStream.of(predictor.streamingPredict(input));
            try (TextStream<ChatOutput> second = TextStream.of(predictor.streamingPredict(input))) {
                for (int i = 0; i < 3; ++i) {
                    assertThatThrownBy(() -> predictor.predict(input))
                            .hasCauseInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining("one more request would be above")
                            .hasMessageContaining("max_concurrent_requests of this model, 2");
                    assertThatThrownBy(() -> predictor.streamingPredict(input))
                            .hasCauseInstanceOf(RejectedExecutionException.class);
                }
                first.close();
                first.close();
                assertThat(predictor.predict(input).completionTokens()).isEqualTo(4);
                assertThatThrownBy(() -> predictor.batchPredict(List.of(input, input)))
                        .hasMessageContaining("2 more requests");
                assertThat(second.next()).isEqualTo("a");
            }
            assertThat(predictor.batchPredict(List.of(input, input))).hasSize(2);
            assertThatThrownBy(() -> predictor.batchPredict(List.of(input, input, input)))
                    .hasMessageContaining("a batch of 3 requests")
                    .hasMessageContaining("split it");
            assertThat(resources(model.getNDManager())).isEqualTo(before);
        }
    }

    @Test
    void arraysAreRequestsAsWell() throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .optArgument("max_input_tokens", 3)
                                .optArgument("max_concurrent_requests", 2)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray longer = manager.ones(new Shape(1, 4), DataType.INT64);
            assertThatThrownBy(() -> predictor.predict(new NDList(longer)))
                    .hasMessageContaining("the prompt has 4 tokens, above max_input_tokens");
            NDArray many = manager.ones(new Shape(3, 2), DataType.INT64);
            assertThatThrownBy(() -> predictor.predict(new NDList(many)))
                    .hasMessageContaining("max_concurrent_requests");
            for (int i = 0; i < 3; ++i) {
                predictor
                        .predict(new NDList(manager.ones(new Shape(2, 3), DataType.INT64)))
                        .close();
            }
        }
    }

    @Test
    void servingPropertiesSetThem(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        Files.writeString(
                directory.resolve("serving.properties"),
                "max_input_tokens=20\nmax_total_tokens=24\nmax_concurrent_requests=1\n");
        try (ZooModel<Input, Output> model =
                        Mistral.criteria(directory, Input.class, Output.class).build().loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            Output output = predictor.predict(input(QUESTION));
            assertThat(json(output).getAsJsonObject("details").get("generated_tokens").getAsInt())
                    .isEqualTo(13);
            assertThatThrownBy(
                            () ->
                                    predictor.predict(
                                            input(
                                                    "{\"inputs\": \"Hi\", \"parameters\":"
                                                            + " {\"max_new_tokens\": 2000000}}")))
                    .hasMessageContaining("max_total_tokens of this model, 24");
            // they are the model's, not a request's
            assertThatThrownBy(
                            () ->
                                    predictor.predict(
                                            input(
                                                    "{\"inputs\": \"Hi\", \"parameters\":"
                                                            + " {\"max_total_tokens\": 100}}")))
                    .hasMessageContaining("unknown generation option \"max_total_tokens\"");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "max_input_tokens, 0, at least 1",
        "max_total_tokens, 1, at least 2",
        "maxConcurrentRequests, -1, at least 1",
        "max_input_tokens, many, a 32-bit integer",
        "max_input_tokens, 1.5, a 32-bit integer",
        "max_input_tokens, 4294967297, a 32-bit integer"
    })
    void limitOutOfRangeIsRejected(String name, String value, String range) {
        assertThatThrownBy(() -> limited(name, value).close())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(value)
                .hasMessageContaining(range);
    }
}
