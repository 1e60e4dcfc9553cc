/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Arguments in snake_case or camelCase, without duplicates, beside those of DJL Serving. */
class ArgumentsTest extends ZooFixture {

    private static int generated(Output output) {
        return json(output).getAsJsonObject("details").get("generated_tokens").getAsInt();
    }

    @ParameterizedTest
    @ValueSource(strings = {"max_new_tokens", "maxNewTokens"})
    void bothSpellingsAreAccepted(String name) throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(ChatInput.class, ChatOutput.class)
                                .optArgument(name, 4)
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            List<Message> messages = List.of(Message.user(QUESTION));
            ChatInput plain = new ChatInput(messages, Map.of());
            assertThat(predictor.predict(plain).completionTokens()).isEqualTo(4);
            ChatInput own = new ChatInput(messages, Map.of(name, 2));
            assertThat(predictor.predict(own).completionTokens()).isEqualTo(2);
        }
    }

    @Test
    void bothSpellingsAtOnceAreRefused() throws Exception {
        Criteria<String, String> criteria =
                Mistral.criteria(String.class, String.class)
                        .optArgument("max_new_tokens", 4)
                        .optArgument("maxNewTokens", 5)
                        .build();
        assertThatThrownBy(criteria::loadModel)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("max_new_tokens", "maxNewTokens", "one of the two");
        try (ZooModel<ChatInput, ChatOutput> model = chats();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatInput input =
                    new ChatInput(
                            List.of(Message.user(QUESTION)), Map.of("top_p", 0.5, "topP", 0.9));
            assertThatThrownBy(() -> predictor.predict(input))
                    .hasMessageContainingAll("top_p", "topP", "one of the two");
        }
    }

    @Test
    void servingPropertiesInTheDirectoryApply(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        Files.writeString(
                directory.resolve("serving.properties"),
                """
                engine=PyTorch
                blockFactory=io.github.djlmistral.zoo.MistralBlockFactory
                translatorFactory=io.github.djlmistral.zoo.translator.MistralTranslatorFactory
                option.hasParameter=false
                batch_size=4
                max_batch_delay=10
                job_queue_size=100
                max_idle_time=60
                minWorkers=1
                maxWorkers=2
                gpu.maxWorkers=1
                load_on_devices=*
                retry_threshold=0
                log_request_metric=true
                metric_dimension=chat
                gpu.reserved_memory_mb=512
                required_memory_mb=64
                max_new_tokens=3
                kernels=reference
                """);
        // as DJL Serving loads it
        Criteria.Builder<Input, Output> serving =
                Criteria.builder().setTypes(Input.class, Output.class).optModelPath(directory);
        try (ZooModel<Input, Output> model = serving.build().loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            assertThat(Mistral.network(model).kernels().name()).isEqualTo("reference");
            assertThat(generated(predictor.predict(input(QUESTION)))).isEqualTo(3);
        }
        try (ZooModel<Input, Output> model =
                        Mistral.criteria(directory, Input.class, Output.class)
                                .optArgument("max_new_tokens", 2)
                                .build()
                                .loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            assertThat(generated(predictor.predict(input(QUESTION)))).isEqualTo(2);
        }
    }

    @Test
    void invalidServingPropertiesAreNamed(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        Files.writeString(directory.resolve("serving.properties"), "max_new_token=3\n");
        assertThatThrownBy(Mistral.criteria(directory).build()::loadModel)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("[max_new_token]", "max_new_tokens");
    }
}
