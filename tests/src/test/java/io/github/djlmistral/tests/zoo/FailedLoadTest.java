/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Model;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A failed call closes the resources it opened, and no others. */
class FailedLoadTest extends ZooFixture {

    @Test
    void aFailedTranslatorLeavesTheModelOpen(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        try (ZooModel<String, String> model = Mistral.criteria(directory).build().loadModel()) {
            MistralTranslatorFactory factory = new MistralTranslatorFactory();
            int before = resources(model.getNDManager());
            List<Map<String, ?>> mistakes =
                    List.of(
                            Map.of("temprature", 1),
                            Map.of("temperature", -1),
                            Map.of("top_k", "many"),
                            Map.of("max_input_tokens", 0));
            for (Map<String, ?> arguments : mistakes) {
                assertThatThrownBy(
                                () ->
                                        factory.newInstance(
                                                String.class, String.class, model, arguments))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> factory.newInstance(Path.class, String.class, model, Map.of()))
                    .isInstanceOf(IllegalArgumentException.class);
            Files.delete(directory.resolve("tokenizer.json"));
            Files.delete(directory.resolve("tokenizer.model"));
            assertThatThrownBy(
                            () ->
                                    factory.newInstance(
                                            ChatInput.class, ChatOutput.class, model, Map.of()))
                    .isInstanceOf(UncheckedIOException.class);
            assertThat(model.getNDManager().isOpen()).isTrue();
            assertThat(resources(model.getNDManager())).isEqualTo(before);
            assertAnswers(model);
        }
    }

    @Test
    void aFailedLoadClosesTheModel(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"), "tokenizer.json", "tokenizer.model");
        Criteria<String, String> criteria =
                Mistral.criteria(directory)
                        .optArgument("blockFactory", new RememberingFactory())
                        .build();
        assertThatThrownBy(criteria::loadModel).isInstanceOf(UncheckedIOException.class);
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(failed -> assertThat(failed.getNDManager().isOpen()).isFalse());
    }

    /** Steps after the block was created, in DJL and in the application. */
    @Test
    void aFailureOfTheApplicationsOwnFactoryClosesTheModel() {
        Criteria<String, String> criteria =
                Mistral.criteria(withoutTokenizer(), String.class, String.class)
                        .optArgument("blockFactory", new RememberingFactory())
                        .optTranslatorFactory(new FailingFactory())
                        .build();
        assertThatThrownBy(criteria::loadModel).hasMessageContaining("provoked by the test");
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(failed -> assertThat(failed.getNDManager().isOpen()).isFalse());
    }

    private static final class FailingFactory implements TranslatorFactory {

        @Override
        public Set<Pair<Type, Type>> getSupportedTypes() {
            return Set.of(new Pair<>(String.class, String.class));
        }

        @Override
        public <I, O> Translator<I, O> newInstance(
                Class<I> input, Class<O> output, Model model, Map<String, ?> arguments) {
            throw new UncheckedIOException(new IOException("provoked by the test"));
        }
    }
}
