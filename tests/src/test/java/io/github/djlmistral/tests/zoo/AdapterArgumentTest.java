/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.adapter.Adapters;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.ModelArguments;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The model arguments {@code adapter} and {@code adapters}. */
class AdapterArgumentTest extends ZooFixture {

    @TempDir static Path directory;
    private static Path first;
    private static Path second;

    @BeforeAll
    static void save() throws Exception {
        first = directory.resolve("first");
        second = directory.resolve("second");
        try (ZooModel<String, String> model = texts()) {
            MistralForCausalLM network = Mistral.network(model);
            Adapters.random(network, 1, 0.3).save(first);
            Adapters.random(network, 2, 0.3).save(second);
        }
    }

    private static String named() {
        return "first=" + first + ", second = " + second;
    }

    /** The text of a model with one adapter. */
    private static String answer(Path adapter) throws Exception {
        try (ZooModel<String, String> model =
                        Mistral.criteria(String.class, String.class)
                                .optArgument("adapter", adapter.toString())
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            assertThat(Mistral.network(model).base()).isNotNull();
            return predictor.predict(QUESTION);
        }
    }

    private static ChatInput question(Map<String, Object> options) {
        return new ChatInput(List.of(Message.user(QUESTION)), options);
    }

    @Test
    void requestsChooseAnAdapter() throws Exception {
        String one = answer(first);
        String two = answer(second);
        assertThat(one).isNotEqualTo(ANSWER).isNotEqualTo(two);
        assertThat(two).isNotEqualTo(ANSWER);
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(ChatInput.class, ChatOutput.class)
                                .optArgument("adapters", named())
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            List<ChatInput> inputs =
                    List.of(
                            question(Map.of("adapter", "second")),
                            question(Map.of()),
                            question(Map.of("adapter", "first")),
                            question(Map.of("adapter", "second")));
            assertThat(predictor.batchPredict(inputs).stream().map(ChatOutput::content))
                    .containsExactly(two, ANSWER, one, two);
            StringBuilder text = new StringBuilder();
            try (var stream =
                    TextStream.of(
                            predictor.streamingPredict(question(Map.of("adapter", "first"))))) {
                stream.forEachRemaining(text::append);
            }
            assertThat(text).hasToString(one);
            assertThatThrownBy(() -> predictor.predict(question(Map.of("adapter", "third"))))
                    .hasStackTraceContaining("adapter is \"third\"; the model has [first, second]");
        }
    }

    @Test
    void servingRequests() throws Exception {
        String one = answer(first);
        try (ZooModel<Input, Output> model =
                        Mistral.criteria(Input.class, Output.class)
                                .optArgument("adapters", named())
                                .build()
                                .loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            Output output =
                    predictor.predict(
                            input(
                                    "{\"inputs\": \""
                                            + QUESTION
                                            + "\", \"parameters\": {\"adapter\": \"first\"}}"));
            assertThat(json(output).get("generated_text").getAsString()).isEqualTo(one);
        }
    }

    @Test
    void noNamedAdapters() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = chats();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(question(Map.of("adapter", "x"))))
                    .hasStackTraceContaining("the model has no named adapters");
        }
    }

    @Test
    void savingNeedsAMerge() throws Exception {
        try (ZooModel<String, String> model =
                Mistral.criteria(String.class, String.class)
                        .optArgument("adapter", first.toString())
                        .build()
                        .loadModel()) {
            assertThat(Mistral.network(model).adapter()).isEqualTo(Adapter.load(first));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Mistral.save(model, directory.resolve("saved")))
                    .withMessageContaining("has an adapter");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "adapters | first | must be a list such as name=directory",
                "adapters | =dir | must be a list such as name=directory",
                "adapters | a=x,a=y | names \"a\" twice",
                "adapters | a=x, | must be a list such as"
            })
    void badArguments(String name, String value, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelArguments.check(Map.of(name, value)))
                .withMessageContaining(message);
    }

    @Test
    void bothArguments() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelArguments.check(Map.of("adapter", "x", "adapters", "a=y")))
                .withMessageContaining("adapter and adapters are both given");
    }

    @Test
    void adaptersThatDoNotFit() {
        assertThatThrownBy(() -> answer(directory.resolve("none")))
                .hasStackTraceContaining("has no adapter_config.json");
        Path other = Reference.directory("adapters/lora");
        assertThatThrownBy(() -> answer(other))
                .hasStackTraceContaining("the adapter does not match the network")
                .hasStackTraceContaining("It is an adapter of window8-f32");
    }
}
