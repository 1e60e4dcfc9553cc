/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests to LMI, which have parameters, bring everything that a chat template takes. */
class ServingRequestTest extends ZooFixture {

    /** Reports its variables as an error; only a field that is mentioned can be continued. */
    private static final String ECHO =
            "{# content #}{{ raise_exception({'messages': messages, 'tools': tools, 'documents': documents,"
                    + " 'prompt': add_generation_prompt, 'mood': mood | default('none given')}"
                    + " | tojson) }}";

    @TempDir private static Path directory;

    private static ZooModel<Input, Output> echo;
    private static Predictor<Input, Output> predictor;

    @BeforeAll
    static void load() throws Exception {
        copy(directory);
        Files.writeString(directory.resolve("chat_template.jinja"), ECHO);
        echo = Mistral.criteria(directory, Input.class, Output.class).build().loadModel();
        predictor = echo.newPredictor();
    }

    @AfterAll
    static void unload() {
        predictor.close();
        echo.close();
    }

    private static void assertRefused(String body, String... messages) {
        assertThatThrownBy(() -> predictor.predict(input(body)))
                .isInstanceOf(TranslateException.class)
                .hasMessageContainingAll(messages);
    }

    @Test
    void theTemplateGetsTheWholeConversation() {
        assertRefused(
                """
                {"messages": [
                   {"role": "user", "content": [{"type": "text", "text": "a"}, {"n": 1}]},
                   {"role": "assistant", "tool_calls": [
                     {"id": "abc", "function": {"name": "f", "arguments": {"x": 1.0, "y": null}}}]},
                   {"role": "tool", "tool_call_id": "abc", "name": "f", "content": "12"}],
                 "tools": [{"type": "function", "function": {"name": "f"}}],
                 "documents": [{"title": "t", "text": "u"}],
                 "chat_template_kwargs": {"mood": [12345678901234567890, true]},
                 "max_new_tokens": 5, "parameters": {"seed": 1}, "model": "m", "stream": true}
                """,
                "{\"messages\": ["
                        + "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"},"
                        + " {\"n\": 1}]}, {\"role\": \"assistant\", \"tool_calls\": [{\"id\":"
                        + " \"abc\", \"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1.0,"
                        + " \"y\": null}}}]}, {\"role\": \"tool\", \"tool_call_id\": \"abc\","
                        + " \"name\": \"f\", \"content\": \"12\"}],"
                        + " \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}],"
                        + " \"documents\": [{\"title\": \"t\", \"text\": \"u\"}],"
                        + " \"prompt\": true, \"mood\": [12345678901234567890, true]}");
    }

    @Test
    void unspecifiedOptionsAreAbsent() {
        assertRefused(
                "{\"messages\": [{\"role\": \"user\"}], \"tools\": null, \"documents\": [],"
                        + " \"chat_template_kwargs\": null, \"top_p\": null, \"parameters\": {}}",
                "\"tools\": null, \"documents\": [], \"prompt\": true, \"mood\": \"none given\"");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"add_generation_prompt\": false | \"prompt\": false",
                "\"add_generation_prompt\": true  | \"prompt\": true",
                "\"continue_final_message\": true | \"prompt\": false",
                "\"continue_final_message\": true | \"a CONTINUE_FINAL",
                "\"continue_final_message\": \"role\" | no \"role\" to continue",
                "\"continue_final_message\": true, \"add_generation_prompt\": true | generation prompt",
                "\"continue_final_message\": 1 | \"continue_final_message\" is not true or false",
                "\"add_generation_prompt\": \"yes\" | \"add_generation_prompt\" is not true or false"
            })
    void invalidPromptEnds(String keys, String message) {
        assertRefused(
                "{\"messages\": [{\"content\": \"a \"}], \"parameters\": {}, " + keys + "}",
                message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"tools\": {}                   | \"tools\" is not a list of objects",
                "\"tools\": [5]                  | \"tools\" is not a list of objects",
                "\"documents\": \"a\"            | \"documents\" is not a list of objects",
                "\"chat_template_kwargs\": []    | \"chat_template_kwargs\" is not an object",
                "\"chat_template_kwargs\": {\"tools\": 1} | variable \"tools\" is set by the conversation",
                "\"inputs\": \"a\"               | [messages] cannot be combined with \"inputs\""
            })
    void faultyKeysAreNamed(String key, String message) {
        assertRefused(
                "{\"messages\": [{\"role\": \"user\"}], \"parameters\": {}, " + key + "}", message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"tools\": []}                    | \"messages\" is missing",
                "{\"messages\": null}               | lacks \"inputs\" or \"messages\"",
                "{\"inputs\": \"a\", \"tools\": []} | [tools] cannot be combined with \"inputs\""
            })
    void messagesAreRequired(String body, String message) {
        assertRefused(body, message);
    }

    @Test
    void aMessageIsContinuedAsByChatInput() throws Exception {
        List<Message> messages = List.of(Message.user(QUESTION), Message.assistant("a tower with"));
        try (ZooModel<ChatInput, ChatOutput> chats = chats();
                Predictor<ChatInput, ChatOutput> chat = chats.newPredictor();
                ZooModel<Input, Output> bytes = bytes();
                Predictor<Input, Output> serving = bytes.newPredictor()) {
            ChatOutput expected =
                    chat.predict(
                            new ChatInput(
                                    new Conversation(messages).withContinuedField("content"),
                                    Map.of()));
            assertThat("a tower with " + expected.content()).isEqualTo(ANSWER);
            JsonObject answer =
                    json(
                            serving.predict(
                                    input(
                                            "{\"messages\": [{\"role\": \"user\", \"content\":"
                                                    + " \"What is a lighthouse?\"}, {\"role\":"
                                                    + " \"assistant\", \"content\": \"a tower"
                                                    + " with\"}], \"continue_final_message\":"
                                                    + " true, \"parameters\": {}}")));
            assertThat(answer.get("generated_text").getAsString()).isEqualTo(expected.content());
            assertThat(answer.getAsJsonObject("details").get("prompt_tokens").getAsInt())
                    .isEqualTo(expected.promptTokens());
        }
    }
}
