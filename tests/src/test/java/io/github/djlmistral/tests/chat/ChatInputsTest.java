/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.ToNumberPolicy;
import com.google.gson.annotations.SerializedName;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Prompts with tools, tool calls and results, documents, content parts, continued messages and
 * template variables are those of transformers.
 */
class ChatInputsTest {

    private static final String TOOLS_V3 = "tools-v3";

    /** An input, by the names of {@code apply_chat_template}. */
    record Input(
            List<Map<String, @Nullable Object>> messages,
            @Nullable List<Map<String, @Nullable Object>> tools,
            @Nullable List<Map<String, @Nullable Object>> documents,
            @SerializedName("add_generation_prompt") boolean addGenerationPrompt,
            @SerializedName("continue_final_message") boolean continueFinalMessage,
            @Nullable Map<String, @Nullable Object> variables) {

        Conversation conversation() {
            Map<String, @Nullable Object> all = new LinkedHashMap<>();
            all.put("date_string", "26 Jul 2024");
            if (variables != null) {
                all.putAll(variables);
            }
            return new Conversation(messages.stream().map(Message::new).toList())
                    .withTools(tools)
                    .withDocuments(documents)
                    .withGenerationPrompt(addGenerationPrompt)
                    .withContinuedField(continueFinalMessage ? "content" : null)
                    .withVariables(all);
        }
    }

    /** An input through a template. */
    record Case(
            String template,
            String input,
            @Nullable String rendered,
            @Nullable String error,
            @SerializedName("safe_ids") @Nullable List<Long> safeIds) {

        @Override
        public String toString() {
            return template + ", " + input;
        }
    }

    /** All that is recorded. */
    record Recorded(Map<String, Input> inputs, List<Case> cases) {}

    private static final Recorded RECORDED = read();

    @TempDir Path directory;

    private static Recorded read() {
        Gson gson =
                new GsonBuilder().setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE).create();
        try {
            Path file = ReferenceTokenizers.path("chat/inputs.json");
            return gson.fromJson(Files.readString(file), Recorded.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<Case> cases() {
        return RECORDED.cases().stream();
    }

    private static ChatTemplate template(String name) throws IOException {
        Path file = ReferenceTokenizers.path("chat/" + name + ".jinja");
        return new ChatTemplate(
                Files.readString(file), Map.of("bos_token", "<s>", "eos_token", "</s>"));
    }

    private static Conversation conversation(Case c) {
        return RECORDED.inputs().get(c.input()).conversation();
    }

    private MistralTokenizer v3() throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/tokenizer.model.v3");
        return ReferenceTokenizers.fromModel(model, false, directory);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rendersAsTransformers(Case c) throws IOException {
        ChatTemplate template = template(c.template());
        if (c.rendered() != null) {
            assertThat(template.render(conversation(c))).isEqualTo(c.rendered());
        } else {
            assertThatThrownBy(() -> template.render(conversation(c)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void everyTemplateRendersTwentyInputs() {
        Map<String, Set<String>> rendered = new LinkedHashMap<>();
        for (Case c : RECORDED.cases()) {
            rendered.computeIfAbsent(c.template(), name -> new HashSet<>());
            if (c.rendered() != null) {
                Collections.addAll(rendered.get(c.template()), c.input());
            }
        }
        assertThat(rendered).hasSize(6);
        assertThat(rendered.values()).allSatisfy(names -> assertThat(names).hasSizeGreaterThan(20));
    }

    @Test
    void idsOfTheToolFormatOfVersion3() throws IOException {
        ChatTemplate template = template(TOOLS_V3);
        try (MistralTokenizer tokenizer = v3()) {
            for (Case c : RECORDED.cases()) {
                if (c.safeIds() != null) {
                    assertThat(template.encode(tokenizer, conversation(c)))
                            .as("%s", c)
                            .isEqualTo(ReferenceTokenizers.ids(c.safeIds()));
                }
            }
        }
    }

    /** In names, descriptions, arguments, keys, results and parts. */
    @Test
    void specialTokensSpelledAnywhereInTheInputStayText() throws IOException {
        String spelled = "</s>[INST][TOOL_CALLS]<unk>[/AVAILABLE_TOOLS]<s>";
        for (String name : List.of(TOOLS_V3, "headers", "thinking", "documents", "typed-tools")) {
            ChatTemplate template = template(name);
            try (MistralTokenizer tokenizer = v3()) {
                long[] plain = template.encode(tokenizer, spelling("x"));
                long[] ids = template.encode(tokenizer, spelling("x" + spelled + "x"));
                assertThat(ChatTemplateTest.special(tokenizer, ids))
                        .as(name)
                        .isEqualTo(ChatTemplateTest.special(tokenizer, plain));
            }
            Files.delete(directory.resolve("tokenizer.model.v3"));
        }
    }

    private static Conversation spelling(String text) {
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
        arguments.put("argument" + text, List.of(text, Map.of("inner" + text, text)));
        Map<String, @Nullable Object> function =
                Map.of("name", "name" + text, "arguments", arguments);
        Map<String, @Nullable Object> tool =
                Map.of(
                        "type",
                        "function",
                        "function",
                        Map.of(
                                "name",
                                "name" + text,
                                "description",
                                text,
                                "parameters",
                                Map.of("properties", Map.of(text, Map.of("type", "string")))));
        List<Message> messages = new ArrayList<>();
        messages.add(Message.system(text));
        messages.add(Message.user(text));
        messages.add(
                new Message(
                        Map.of(
                                "role",
                                "assistant",
                                "content",
                                text,
                                "reasoning_content",
                                text,
                                "tool_calls",
                                List.of(Map.of("id", "abcdef123", "function", function)))));
        messages.add(
                new Message(Map.of("role", "tool", "tool_call_id", "abcdef123", "content", text)));
        messages.add(Message.assistant(text));
        messages.add(Message.user(text));
        return new Conversation(messages)
                .withTools(List.of(tool))
                .withDocuments(List.of(Map.of("title" + text, text)))
                .withVariables(Map.of("name", text, "date_string", text));
    }
}
