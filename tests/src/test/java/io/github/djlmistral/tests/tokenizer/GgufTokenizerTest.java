/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.tests.weights.GgufWriter;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tokenizer and chat template of a GGUF file. Its ids: {@link TokenizerReferenceTest}. */
class GgufTokenizerTest {

    @TempDir Path directory;

    private static GgufWriter small() throws IOException {
        return GgufModel.tokenizer(
                new GgufWriter(), ReferenceTokenizers.path("tokenizer/small/tokenizer.model"));
    }

    private Path write(GgufWriter writer) throws IOException {
        return writer.write(directory.resolve("model.gguf"));
    }

    private MistralTokenizer open(GgufWriter writer) throws IOException {
        return MistralTokenizer.open(write(writer));
    }

    /** The template determines legacy or canonical behaviour. */
    @ParameterizedTest
    @ValueSource(strings = {"instruct-v0.1-launch", "instruct-v0.2-launch", "instruct-sept-2024"})
    void chatsHaveTheReferencesIds(String name) throws IOException {
        JsonObject expected = Reference.json(Reference.directory("chat/expected.json"));
        String jinja = Files.readString(Reference.directory("chat/" + name + ".jinja"));
        Path file =
                GgufModel.tokenizer(
                                new GgufWriter(),
                                ReferenceTokenizers.path("tokenizer/tokenizer.model.v1"))
                        .put("tokenizer.chat_template", jinja)
                        .write(directory.resolve("chat.gguf"));
        ChatTemplate template = ChatTemplate.open(file).orElseThrow();
        int compared = 0;
        try (MistralTokenizer tokenizer = MistralTokenizer.open(file)) {
            for (JsonElement element : expected.getAsJsonArray("cases")) {
                JsonObject chat = element.getAsJsonObject();
                if (chat.get("template").getAsString().equals(name) && chat.has("safe_ids")) {
                    List<Message> messages =
                            expected
                                    .getAsJsonObject("conversations")
                                    .getAsJsonArray(chat.get("conversation").getAsString())
                                    .asList()
                                    .stream()
                                    .map(JsonElement::getAsJsonObject)
                                    .map(
                                            m ->
                                                    new Message(
                                                            m.get("role").getAsString(),
                                                            m.get("content").getAsString()))
                                    .toList();
                    boolean prompt = chat.get("add_generation_prompt").getAsBoolean();
                    assertThat(template.encode(tokenizer, messages, prompt))
                            .as(chat.get("conversation").getAsString())
                            .isEqualTo(Reference.ids(chat.get("safe_ids")));
                    compared++;
                }
            }
        }
        assertThat(compared).isGreaterThan(3);
    }

    @Test
    void aSpecialTokenInstMeansTheNewerBehaviour() throws IOException {
        GgufWriter writer =
                new GgufWriter()
                        .put("tokenizer.ggml.model", "llama")
                        .put("tokenizer.ggml.tokens", List.of("<unk>", "<s>", "[INST]", "▁", "a"))
                        .put("tokenizer.ggml.scores", List.of(0f, 0f, 0f, -1f, -2f))
                        .put("tokenizer.ggml.token_type", List.of(2, 3, 3, 1, 1))
                        .put("tokenizer.ggml.eos_token_id", 1);
        try (MistralTokenizer tokenizer = open(writer)) {
            assertThat(tokenizer.encode("a[INST]a", true)).containsExactly(1, 3, 4, 2, 4);
        }
        writer.put("tokenizer.ggml.tokens", List.of("<unk>", "<s>", "<x>", "▁", "a"));
        try (MistralTokenizer tokenizer = open(writer)) {
            assertThat(tokenizer.encode("a<x>a", true)).containsExactly(1, 3, 4, 2, 3, 4);
        }
    }

    @Test
    void flagsAndRolesAreHeeded() throws IOException {
        GgufWriter writer =
                small().put("tokenizer.ggml.add_bos_token", false)
                        .put("tokenizer.ggml.add_eos_token", true)
                        .put("tokenizer.ggml.add_space_prefix", false)
                        .put("tokenizer.ggml.padding_token_id", 0);
        try (MistralTokenizer tokenizer = open(writer)) {
            long[] ids = tokenizer.encode("The", true);
            assertThat(ids).endsWith(2).doesNotContain(1);
            assertThat(tokenizer.token(ids[0])).doesNotStartWith("▁");
            assertThat(tokenizer.padToken()).isEqualTo("<unk>");
            assertThat(tokenizer.unkTokenId()).isZero();
        }
    }

    @Test
    void withoutTypesTheTokensWithRolesAreSpecial() throws IOException {
        try (MistralTokenizer tokenizer = open(small().remove("tokenizer.ggml.token_type"))) {
            assertThat(tokenizer.encode("<s>", false)).containsExactly(1);
            assertThat(tokenizer.decode(new long[] {1, 2}, true)).isEmpty();
        }
    }

    @Test
    void aFileWithoutTemplateHasNone() throws IOException {
        assertThat(ChatTemplate.open(write(small()))).isEmpty();
    }

    @Test
    void invalidTokenizersAreNamed() throws IOException {
        for (Map.Entry<String, GgufWriter> wrong :
                Map.of(
                                "type \"gpt2\"", small().put("tokenizer.ggml.model", "gpt2"),
                                "contains no tokenizer", new GgufWriter(),
                                "0 scores", small().remove("tokenizer.ggml.scores"),
                                "2 token types",
                                        small().put("tokenizer.ggml.token_type", List.of(1, 1)),
                                "eos_token_id is 9999",
                                        small().put("tokenizer.ggml.eos_token_id", 9999),
                                "normalizes",
                                        small().put(
                                                        "tokenizer.ggml.remove_extra_whitespaces",
                                                        true))
                        .entrySet()) {
            Path file = write(wrong.getValue());
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> MistralTokenizer.open(file))
                    .withMessageContainingAll("model.gguf", wrong.getKey(), "Use a GGUF file");
        }
        assertThat(MistralTokenizer.isIn(write(small()))).isTrue();
        assertThat(MistralTokenizer.isIn(write(new GgufWriter()))).isFalse();
    }
}
