/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.EncodedConversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tokens of answers, with Mistral's own tokenizers. */
class AnswerMaskTest {

    private static final List<String> ANSWERS =
            List.of("Hello!", "(1, 2) 灯塔 👩‍🚀", "[/INST] a</s>b", "```java\nint x;\n```");

    private static final Map<String, MistralTokenizer> TOKENIZERS = new HashMap<>();

    @TempDir Path directory;

    @AfterAll
    static void close() {
        TOKENIZERS.values().forEach(MistralTokenizer::close);
    }

    @ParameterizedTest
    @CsvSource({
        "instruct-v0.1-launch, v1, true, </s>",
        "instruct-v0.2-launch, v1, true, </s>",
        "instruct-sept-2024, v1, false, </s>",
        "tools-v3, v3, false, </s>",
        "tools-v3, v3, true, </s>",
        "zephyr, v1, true, </s>",
        "chatml, v1, false, <|im_end|>"
    })
    void answersAndTheirEndsAreDecodedFromTheMask(
            String name, String model, boolean legacy, String end) throws IOException {
        check(
                Files.readString(ReferenceTokenizers.path("chat/" + name + ".jinja")),
                model,
                legacy,
                end);
    }

    @Test
    void contentsThatTheTemplateStrips() throws IOException {
        String jinja =
                Files.readString(ReferenceTokenizers.path("chat/instruct-v0.2-launch.jinja"));
        check(
                jinja.replace("message['content']", "(message['content'] | trim)"),
                "v1",
                true,
                "</s>");
    }

    private void check(String jinja, String model, boolean legacy, String end) throws IOException {
        ChatTemplate template =
                new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"));
        List<Message> messages = new ArrayList<>();
        for (String answer : ANSWERS) {
            messages.add(Message.user("Say \"" + answer + "\"\n")); // also where it must not be
            messages.add(Message.assistant(answer));
        }
        messages.add(Message.user("And?"));
        MistralTokenizer tokenizer = tokenizer(model, legacy);
        Conversation conversation = new Conversation(messages);
        EncodedConversation encoded = template.encodeWithAnswers(tokenizer, conversation);
        assertThat(encoded.ids()).isEqualTo(template.encode(tokenizer, conversation));
        assertThat(encoded.answer()).hasSameSizeAs(encoded.ids());
        List<String> decoded =
                runs(encoded).stream().map(ids -> tokenizer.decode(ids, false).strip()).toList();
        assertThat(decoded)
                .containsExactlyElementsOf(
                        ANSWERS.stream().map(a -> joined(jinja, a) + end).toList());
    }

    private MistralTokenizer tokenizer(String model, boolean legacy) throws IOException {
        String key = model + legacy;
        if (!TOKENIZERS.containsKey(key)) {
            Path file = ReferenceTokenizers.path("tokenizer/tokenizer.model." + model);
            TOKENIZERS.put(key, ReferenceTokenizers.fromModel(file, legacy, directory));
        }
        return TOKENIZERS.get(key);
    }

    /**
     * At launch, no space was between {@code [/INST]} and an answer, so that a token such as {@code
     * ](} has characters of both; like transformers, we count it.
     */
    private static String joined(String jinja, String answer) {
        boolean space = !jinja.contains("' [/INST]'") || jinja.contains("' [INST] '");
        return !space && (answer.startsWith("(") || answer.startsWith("[")) ? "]" + answer : answer;
    }

    /** The ids of each run of tokens that are an answer's. */
    private static List<long[]> runs(EncodedConversation encoded) {
        List<long[]> runs = new ArrayList<>();
        boolean[] answer = encoded.answer();
        int begin = -1;
        for (int i = 0; i < answer.length; i++) {
            if (answer[i] && begin < 0) {
                begin = i;
            }
            boolean last = i + 1 == answer.length || !answer[i + 1];
            if (begin >= 0 && last) {
                runs.add(Arrays.copyOfRange(encoded.ids(), begin, i + 1));
                begin = -1;
            }
        }
        return runs;
    }

    @Test
    void conversationsThatAreToBeContinued() throws IOException {
        ChatTemplate template = TrainingRecords.template("chatml");
        Path checkpoint = ReferenceTokenizers.path("tokenizer/small/canonical");
        Conversation conversation = new Conversation(List.of(Message.assistant("a")));
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint)) {
            for (Conversation open :
                    List.of(
                            conversation.withGenerationPrompt(true),
                            conversation.withContinuedField("content"))) {
                assertThatThrownBy(() -> template.encodeWithAnswers(tokenizer, open))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("to be continued");
            }
        }
    }
}
