/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelZoo;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * One chat in the format and vocabulary of each model of the zoo, from a checkpoint with the files
 * that the Hub has. The ids are those of mistral-common, but for the files of before September
 * 2024, which put the spaces elsewhere.
 */
class ZooChatTest {

    private static final List<Message> MESSAGES =
            List.of(
                    Message.user("user message"),
                    Message.assistant("assistant message"),
                    Message.user("new user message"));

    private static final String CANONICAL =
            "<s> [INST] user message [/INST] assistant message</s> [INST] new user message [/INST]";
    private static final long[] CANONICAL_IDS = {
        1, 733, 16289, 28793, 2188, 2928, 733, 28748, 16289, 28793, 13892, 2928, 2, 733, 16289,
        28793, 633, 2188, 2928, 733, 28748, 16289, 28793
    };

    /** Models without a template: they continue texts. */
    private static final Set<String> BASE = Set.of("mistral-7b-v0.1", "mistral-7b-v0.3");

    /** In the zoo's jar; {@code SpecialTokensTest} and others chat with it. */
    private static final String EMBEDDED = "mistral-tiny-instruct";

    /** A published form of a model's files, and its prompt. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Form(
            String model,
            String vocabulary,
            String template,
            boolean legacy,
            String text,
            long... ids) {

        @Override
        public String toString() {
            return model + ", " + template;
        }
    }

    static Stream<Form> forms() {
        return Stream.of(
                new Form(
                        "mistral-7b-instruct-v0.1",
                        "tokenizer.model.v1",
                        "instruct-sept-2024",
                        false,
                        CANONICAL,
                        CANONICAL_IDS),
                new Form(
                        "mistral-7b-instruct-v0.1",
                        "tokenizer.model.v1",
                        "instruct-v0.1-launch",
                        true,
                        "<s>[INST] user message [/INST]assistant message</s> [INST] new user message"
                                + " [/INST]",
                        1,
                        733,
                        16289,
                        28793,
                        2188,
                        2928,
                        733,
                        28748,
                        16289,
                        28793,
                        489,
                        11143,
                        2928,
                        2,
                        28705,
                        733,
                        16289,
                        28793,
                        633,
                        2188,
                        2928,
                        733,
                        28748,
                        16289,
                        28793),
                new Form(
                        "mistral-7b-instruct-v0.2",
                        "tokenizer.model.v1",
                        "instruct-sept-2024",
                        false,
                        CANONICAL,
                        CANONICAL_IDS),
                new Form(
                        "mistral-7b-instruct-v0.3",
                        "tokenizer.model.v3",
                        "tools-v3",
                        false,
                        "<s>[INST] user message[/INST] assistant message</s>[INST] new user"
                                + " message[/INST]",
                        1,
                        3,
                        2956,
                        3696,
                        4,
                        14660,
                        3696,
                        2,
                        3,
                        1401,
                        2956,
                        3696,
                        4));
    }

    @TempDir Path directory;

    private void checkpoint(Form form) throws IOException {
        Files.copy(
                ReferenceTokenizers.path("tokenizer/" + form.vocabulary),
                directory.resolve("tokenizer.model"));
        JsonObject config = new JsonObject();
        config.addProperty("legacy", form.legacy);
        config.addProperty("bos_token", "<s>");
        config.addProperty("eos_token", "</s>");
        Path template = ReferenceTokenizers.path("chat/" + form.template + ".jinja");
        config.addProperty("chat_template", Files.readString(template));
        Files.writeString(directory.resolve("tokenizer_config.json"), config.toString());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void rendersAndEncodes(Form form) throws IOException {
        checkpoint(form);
        ChatTemplate template = ChatTemplate.open(directory).orElseThrow();
        assertThat(template.render(MESSAGES, true)).isEqualTo(form.text);
        try (MistralTokenizer tokenizer = MistralTokenizer.open(directory)) {
            assertThat(template.encode(tokenizer, MESSAGES, true)).isEqualTo(form.ids);
        }
    }

    @Test
    void everyModelOfTheZooIsThere() {
        Set<String> models =
                ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoaders().stream()
                        .map(ModelLoader::getArtifactId)
                        .collect(Collectors.toCollection(TreeSet::new));
        Set<String> covered = new TreeSet<>(BASE);
        covered.add(EMBEDDED);
        forms().map(Form::model).forEach(covered::add);
        assertThat(models).isEqualTo(covered);
    }
}
