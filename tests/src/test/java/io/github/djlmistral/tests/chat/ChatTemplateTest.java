/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.annotations.SerializedName;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Prompts equal transformers', and no message content becomes a special token. */
class ChatTemplateTest {

    /** A recorded chat template under {@code reference/chat}. */
    record Template(String file, @Nullable String behaviour) {}

    /** A conversation rendered by a template. */
    record Case(
            String template,
            String conversation,
            @SerializedName("add_generation_prompt") boolean addGenerationPrompt,
            @Nullable String rendered,
            @Nullable String error,
            @SerializedName("safe_ids") @Nullable List<Long> safeIds,
            @SerializedName("small_safe_ids") @Nullable List<Long> smallSafeIds) {

        @Override
        public String toString() {
            return template + ", " + conversation + ", " + addGenerationPrompt;
        }
    }

    /** The recorded file. */
    record Recorded(
            Map<String, Template> templates,
            Map<String, List<Map<String, Object>>> conversations,
            List<Case> cases) {}

    private static final Recorded RECORDED =
            ReferenceTokenizers.read("chat/expected.json", Recorded.class);

    @TempDir Path directory;

    static Stream<Case> cases() {
        return RECORDED.cases().stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rendersAsTransformers(Case c) throws IOException {
        ChatTemplate template = template(c.template());
        List<Message> messages = messages(c);
        if (c.rendered() != null) {
            assertThat(template.render(messages, c.addGenerationPrompt())).isEqualTo(c.rendered());
        } else if (messages.isEmpty()) {
            assertThatThrownBy(() -> template.render(messages, c.addGenerationPrompt()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("empty");
        } else {
            assertThatThrownBy(() -> template.render(messages, c.addGenerationPrompt()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(c.error());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void idsOfMistral7B(boolean legacy) throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/tokenizer.model.v1");
        try (MistralTokenizer tokenizer = ReferenceTokenizers.fromModel(model, legacy, directory)) {
            for (Case c : RECORDED.cases()) {
                String behaviour = RECORDED.templates().get(c.template()).behaviour();
                if (c.safeIds() != null && (legacy ? "legacy" : "canonical").equals(behaviour)) {
                    assertThat(encode(tokenizer, c))
                            .as("%s", c)
                            .isEqualTo(ReferenceTokenizers.ids(c.safeIds()));
                }
            }
        }
    }

    @Test
    void idsOfTheSmallTokenizer() throws IOException {
        Path checkpoint = ReferenceTokenizers.path("tokenizer/small/canonical");
        ChatTemplate template = ChatTemplate.open(checkpoint).orElseThrow();
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint)) {
            for (Case c : RECORDED.cases()) {
                if (c.smallSafeIds() != null) {
                    List<Message> messages = messages(c);
                    assertThat(template.encode(tokenizer, messages, false))
                            .as("%s", c)
                            .isEqualTo(ReferenceTokenizers.ids(c.smallSafeIds()));
                }
            }
        }
    }

    @Test
    void templateFileTakesPrecedenceOverSettings() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"), "{\"chat_template\": \"settings\"}");
        assertThat(ChatTemplate.open(directory).orElseThrow().render(List.of(HI), false))
                .isEqualTo("settings");
        Files.writeString(directory.resolve("chat_template.jinja"), "file\n");
        assertThat(ChatTemplate.open(directory).orElseThrow().render(List.of(HI), false))
                .isEqualTo("file");
    }

    @Test
    void ofSeveralTheDefaultTemplate() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                """
                {"bos_token": {"content": "<b>"}, "eos_token": null, "chat_template": [
                  {"name": "tool_use", "template": "wrong"},
                  {"name": "default", "template": "{{ bos_token }}{{ eos_token }}!"}]}
                """);
        assertThat(ChatTemplate.open(directory).orElseThrow().render(List.of(HI), false))
                .isEqualTo("<b>!");
    }

    @Test
    void aBaseModelHasNone() throws IOException {
        assertThat(ChatTemplate.open(directory)).isEmpty();
    }

    @Test
    void settingsThatAreNoJson() throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), "{");
        assertThatThrownBy(() -> ChatTemplate.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer_config.json: it is not valid JSON");
    }

    @Test
    void manyThreadsOneTemplate() throws IOException {
        ChatTemplate template = template("instruct-sept-2024");
        assertThat(
                        IntStream.range(0, 400)
                                .parallel()
                                .filter(
                                        i ->
                                                !template.render(
                                                                List.of(Message.user("n" + i)),
                                                                false)
                                                        .equals("<s> [INST] n" + i + " [/INST]"))
                                .count())
                .isZero();
    }

    @Test
    void noMessageSpellsASpecialToken() throws IOException {
        // Tokens of several letters, one within another, one of a single letter.
        Path file = ReferenceTokenizers.path("tokenizer/small/canonical/tokenizer.json");
        JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        String[] spellings = {"<|im_start|>", "<|im_end|>", "[INST]", "INST", "T]</", "§"};
        int id = json.getAsJsonObject("model").getAsJsonObject("vocab").size();
        JsonObject last = json.getAsJsonArray("added_tokens").get(2).getAsJsonObject();
        for (String spelling : spellings) {
            JsonObject token = last.deepCopy();
            token.addProperty("id", id++);
            token.addProperty("content", spelling);
            json.getAsJsonArray("added_tokens").add(token);
        }
        Files.writeString(directory.resolve("tokenizer.json"), json.toString());
        ChatTemplate template =
                new ChatTemplate(
                        "{% for m in messages %}<|im_start|>{{ m.role }}[{{ m.content | trim }}]§<|im_end|>"
                                + "{% endfor %}",
                        Map.of("bos_token", "<s>", "eos_token", "</s>"));
        String[] parts = {
            "<s>", "</s>", "<", "</", "s>", "IN", "ST", "INST", "T]</", "[", "]", "§", " ", "|>"
        };
        Random random = new Random(3);
        try (MistralTokenizer tokenizer = MistralTokenizer.open(directory)) {
            long[] plain = template.encode(tokenizer, List.of(new Message("u", "x")), false);
            assertThat(special(tokenizer, plain))
                    .containsExactly("<|im_start|>", "§", "<|im_end|>");
            for (int i = 0; i < 300; i++) {
                StringBuilder content = new StringBuilder();
                for (int n = random.nextInt(8); n >= 0; n--) {
                    content.append(parts[random.nextInt(parts.length)]);
                }
                List<Message> messages =
                        List.of(new Message("u" + content, content + "x" + content));
                long[] ids = template.encode(tokenizer, messages, false);
                assertThat(special(tokenizer, ids))
                        .as("%s", content)
                        .containsExactly("<|im_start|>", "§", "<|im_end|>");
                assertThat(tokenizer.decode(ids, false))
                        .isEqualTo(template.render(messages, false));
            }
        }
    }

    /** The special tokens among ids, without spaces. */
    static List<String> special(MistralTokenizer tokenizer, long[] ids) {
        return LongStream.of(ids)
                .filter(id -> tokenizer.decode(new long[] {id}, true).isEmpty())
                .mapToObj(tokenizer::token)
                .filter(token -> !token.equals("▁"))
                .toList();
    }

    private static final Message HI = Message.user("hi");

    private static List<Message> messages(Case c) {
        return RECORDED.conversations().get(c.conversation()).stream().map(Message::new).toList();
    }

    private static ChatTemplate template(String name) throws IOException {
        String file = RECORDED.templates().get(name).file();
        String jinja = Files.readString(ReferenceTokenizers.path("chat/" + file));
        return new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"));
    }

    private static long[] encode(MistralTokenizer tokenizer, Case c) throws IOException {
        List<Message> messages = messages(c);
        return template(c.template()).encode(tokenizer, messages, c.addGenerationPrompt());
    }
}
