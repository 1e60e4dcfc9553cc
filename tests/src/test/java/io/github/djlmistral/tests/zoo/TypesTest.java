/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.modality.nlp.qa.QAInput;
import ai.djl.modality.nlp.translator.NamedEntity;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Inputs and outputs for each type that a model can be loaded with. */
class TypesTest extends ZooFixture {

    private static final String LIMIT = "{\"max_new_tokens\": 1}}";

    private static ZooModel<ChatInput, ChatOutput> chats;
    private static ZooModel<Input, Output> bytes;

    @BeforeAll
    static void load() throws Exception {
        chats = chats();
        bytes = bytes();
    }

    @AfterAll
    static void unload() {
        chats.close();
        bytes.close();
    }

    @Test
    void aTextIsAnswered() throws Exception {
        try (ZooModel<String, String> model = texts()) {
            assertAnswers(model);
        }
    }

    @Test
    void aChatIsAnsweredWithItsUsage() throws Exception {
        try (Predictor<ChatInput, ChatOutput> predictor = chats.newPredictor()) {
            ChatOutput output = predictor.predict(new ChatInput(Message.user(QUESTION)));
            assertThat(output.content()).isEqualTo(ANSWER);
            assertThat(output.message()).isEqualTo(Message.assistant(ANSWER));
            assertThat(output.finishReason()).isEqualTo(FinishReason.EOS);
            // as transformers counts: greedy.json
            assertThat(output.promptTokens()).isEqualTo(11);
            assertThat(output.completionTokens()).isEqualTo(18);
            // a coarse clock may not have moved on
            assertThat(output.timeToFirstToken()).isGreaterThanOrEqualTo(Duration.ZERO);
            assertThat(output.tokensPerSecond()).isNotNegative();
        }
    }

    @Test
    void aRequestsOptionsGoBeforeTheModelsBeforeTheCheckpoints() throws Exception {
        // the checkpoint's own limit is 256
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(ChatInput.class, ChatOutput.class)
                                .optArgument("max_new_tokens", "5")
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            List<Message> messages = List.of(Message.user(QUESTION));
            ChatOutput output = predictor.predict(new ChatInput(messages, Map.of()));
            assertThat(output.completionTokens()).isEqualTo(5);
            assertThat(output.finishReason()).isEqualTo(FinishReason.LENGTH);
            output = predictor.predict(new ChatInput(messages, tokens(3)));
            assertThat(output.completionTokens()).isEqualTo(3);
            output = predictor.predict(new ChatInput(messages, Map.of()));
            assertThat(output.completionTokens()).isEqualTo(5);
        }
    }

    @Test
    void aStopStringEndsAnAnswer() throws Exception {
        try (Predictor<ChatInput, ChatOutput> predictor = chats.newPredictor()) {
            ChatOutput output =
                    predictor.predict(
                            new ChatInput(
                                    List.of(Message.user(QUESTION)),
                                    Map.of("stop_strings", List.of("light"))));
            assertThat(output.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(output.content()).isEqualTo("a tower with a light");
        }
    }

    @Test
    void aSeedGivesTheSameTextAgain() throws Exception {
        try (Predictor<ChatInput, ChatOutput> predictor = chats.newPredictor()) {
            ChatInput input =
                    new ChatInput(
                            List.of(Message.user(QUESTION)),
                            Map.of("temperature", 5, "seed", 9007199254740993L, "maxNewTokens", 9));
            String text = predictor.predict(input).content();
            // samples although the checkpoint recommends "do_sample": false
            assertThat(text).isNotEqualTo(ANSWER);
            assertThat(predictor.predict(input).content()).isEqualTo(text);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                QUESTION,
                "{\"inputs\": \"What is a lighthouse?\"}",
                "{\"inputs\": \"What is a lighthouse?\", \"parameters\": null}",
                "{\"inputs\": \"What is a lighthouse?\", \"parameters\": {\"max_new_tokens\":"
                        + " 12000000, \"top_p\": null}}",
                " {\"messages\": [{\"role\": \"user\", \"content\": \"What is a lighthouse?\"}],"
                        + " \"parameters\": {\"doSample\": false}}",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"What is a lighthouse?\"}],"
                        + " \"model\": \"m\", \"stream\": false, \"max_new_tokens\": 30,"
                        + " \"parameters\": {}}"
            })
    void bytesAreAnsweredInJson(String body) throws Exception {
        try (Predictor<Input, Output> predictor = bytes.newPredictor()) {
            Output output = predictor.predict(input(body));
            assertThat(output.getCode()).isEqualTo(200);
            assertThat(output.getProperty("Content-Type", null)).isEqualTo("application/json");
            JsonObject json = json(output);
            assertThat(json.get("generated_text").getAsString()).isEqualTo(ANSWER);
            JsonObject details = json.getAsJsonObject("details");
            assertThat(details.get("finish_reason").getAsString()).isEqualTo("eos");
            assertThat(details.get("prompt_tokens").getAsInt()).isEqualTo(11);
            assertThat(details.get("generated_tokens").getAsInt()).isEqualTo(18);
        }
    }

    @Test
    void jsonParametersApply() throws Exception {
        try (Predictor<Input, Output> predictor = bytes.newPredictor()) {
            Output output =
                    predictor.predict(
                            input(
                                    "{\"inputs\": \"What is a lighthouse?\", \"parameters\":"
                                            + " {\"maxNewTokens\": 4.0, \"seed\": 7}}"));
            JsonObject details = json(output).getAsJsonObject("details");
            assertThat(details.get("finish_reason").getAsString()).isEqualTo("length");
            assertThat(details.get("generated_tokens").getAsInt()).isEqualTo(4);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"inputs\": \"a\"                               | it is not valid JSON",
                "{\"inputs\": \"a\"} b                            | it is not valid JSON",
                "{\"inputs\": \"a\", \"inputs\": \"b\"}                 | twice",
                "{}                                               | lacks \"inputs\"",
                "{\"inputs\": null}                               | lacks \"inputs\"",
                "{\"inputs\": [\"a\", \"b\"]}                     | \"inputs\" is not a string",
                "{\"inputs\": \"\"}                               | the prompt is empty",
                "{\"messages\": \"a\", \"parameters\": {}}                            | \"messages\" is not a list",
                "{\"messages\": [\"a\"], \"parameters\": {}}                          | not a list of objects",
                "{\"messages\": [], \"parameters\": {}}                               | conversation is empty",
                "{\"messages\": [{\"content\": \"a\"}], \"parameters\": {}}           | roles must alternate",
                "{\"messages\": [{\"role\": \"user\"}], \"parameters\": {}}           | no attribute 'content'",
                "{\"messages\": [{\"role\": \"cat\", \"content\": \"a\"}], \"parameters\": {}} | roles must alternate",
                "{\"inputs\": \"a\", \"parameters\": 5}           | \"parameters\" is not an object",
                "{\"inputs\": \"a\", \"parameters\": {\"x\": 5}}  | option \"x\"",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tool_choice\": \"auto\", \"x\": 5, \"parameters\": {}} | option \"x\"",
                "{\"inputs\": \"a\", \"parameters\": {\"tools\": []}} | option \"tools\"",
                "{\"inputs\": \"a\", \"max_tokens\": 5}            | option \"max_tokens\"",
                "{\"inputs\": \"a\", \"parameters\": {\"top_p\": \"much\"}} | top_p is \"much\"",
                "{\"inputs\": \"a\", \"parameters\": {\"temperature\": \"NaN\"}} | temperature is NaN"
            })
    void faultyBytesAreRefusedByName(String body, String message) throws Exception {
        try (Predictor<Input, Output> predictor = bytes.newPredictor()) {
            int before = resources(bytes.getNDManager());
            assertThatThrownBy(() -> predictor.predict(input(body)))
                    .isInstanceOf(TranslateException.class)
                    .hasMessageContaining(message);
            assertThatThrownBy(() -> predictor.streamingPredict(input(body)))
                    .isInstanceOf(TranslateException.class)
                    .hasMessageContaining(message);
            assertThat(resources(bytes.getNDManager())).isEqualTo(before);
            Output next = predictor.predict(input("{\"inputs\": \"Hi\", \"parameters\":" + LIMIT));
            assertThat(json(next).get("generated_text").getAsString()).isEqualTo("Hello");
        }
    }

    @Test
    void anInputWithoutContentIsRefused() throws Exception {
        try (Predictor<Input, Output> predictor = bytes.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(new Input()))
                    .hasMessageContaining("no content")
                    .hasMessageContaining("inputs");
        }
    }

    @Test
    void arraysAreReturnedUnchanged() throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray ids = manager.create(new long[] {0, 1, 5, 1, 7, 9}, new Shape(2, 3));
            NDArray mask = manager.create(new long[] {0, 1, 1, 1, 1, 1}, new Shape(2, 3));
            NDArray positions = manager.create(new long[] {0, 0, 1, 0, 1, 2}, new Shape(2, 3));
            for (NDList inputs :
                    List.of(
                            new NDList(ids),
                            new NDList(ids, mask),
                            new NDList(ids, mask, positions))) {
                NDArray logits = predictor.predict(inputs).singletonOrThrow();
                assertThat(logits.getName()).isEqualTo("logits");
                assertThat(logits.getShape()).isEqualTo(new Shape(2, 3, 99));
                assertThat(logits.getDataType()).isEqualTo(DataType.FLOAT32);
                NDArray direct =
                        model.getBlock()
                                .forward(new ParameterStore(manager, false), inputs, false)
                                .singletonOrThrow();
                assertThat(logits.sub(direct).abs().max().getFloat())
                        .isLessThanOrEqualTo(Fixture.LOGITS);
            }
        }
    }

    @Test
    void arraysLeaveNothingBehind() throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor()) {
            try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
                NDArray ids = manager.create(new long[] {1, 5, 7}, new Shape(1, 3));
                predictor.predict(new NDList(ids)).close();
                int before = resources(model.getNDManager());
                for (int i = 0; i < 3; ++i) {
                    try (NDList output = predictor.predict(new NDList(ids))) {
                        assertThat(output).hasSize(1);
                        // the input and the output: nothing that was computed on the way
                        assertThat(resources(manager)).isEqualTo(2);
                    }
                }
                assertThat(resources(model.getNDManager())).isEqualTo(before);
                assertThat(ids.toLongArray()).containsExactly(1, 5, 7);
            }
        }
    }

    @Test
    void arraysAreNotStreamed() throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor()) {
            assertThat(predictor.supportsStreaming()).isFalse();
            assertThatThrownBy(() -> predictor.streamingPredict(new NDList()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("StreamingTranslator");
        }
    }

    @Test
    void noArraysAreRefused() throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(new NDList()))
                    .hasMessageContaining("give input_ids");
        }
    }

    @Test
    void theFactoryNamesItsTypes() {
        MistralTranslatorFactory factory = new MistralTranslatorFactory();
        assertThat(factory.getSupportedTypes()).hasSize(9);
        assertThat(factory.isSupported(ChatInput.class, ChatOutput.class)).isTrue();
        assertThat(factory.isSupported(String.class, Classifications.class)).isTrue();
        assertThat(factory.isSupported(String.class, NamedEntity[].class)).isTrue();
        assertThat(factory.isSupported(QAInput.class, String.class)).isTrue();
        assertThat(factory.isSupported(String.class, float[].class)).isTrue();
        assertThat(factory.isSupported(long[].class, float[].class)).isTrue();
        assertThat(factory.isSupported(String.class, ChatOutput.class)).isFalse();
    }

    @Test
    void oneModelServesSeveralTypes() throws Exception {
        try (ZooModel<String, String> model = texts();
                Predictor<ChatInput, ChatOutput> predictor =
                        model.newPredictor(
                                new MistralTranslatorFactory()
                                        .newInstance(
                                                ChatInput.class,
                                                ChatOutput.class,
                                                model,
                                                Map.of()))) {
            assertThat(predictor.predict(new ChatInput(Message.user(QUESTION))).content())
                    .isEqualTo(ANSWER);
            assertAnswers(model);
        }
    }
}
