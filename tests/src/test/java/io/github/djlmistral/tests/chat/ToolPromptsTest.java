/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolFormat;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Prompts with tools have the tokens that mistral-common gives them. */
class ToolPromptsTest {

    @TempDir Path directory;

    private MistralTokenizer tokenizer;

    @BeforeEach
    void open() throws IOException {
        ReferenceTokenizers.writeWithLaterTokens(directory);
        tokenizer = MistralTokenizer.open(directory);
    }

    @AfterEach
    void close() {
        tokenizer.close();
    }

    private ChatTemplate template(String name) throws IOException {
        boolean later = name.equals("tools-v7") || name.equals("tools-v13");
        String file = "chat/" + (later ? "tools-v11" : name) + ".jinja";
        String jinja =
                Files.readString(ReferenceTokenizers.path(file))
                        .replace("version = 11", "version = " + name.replaceAll("\\D", ""));
        return new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"));
    }

    private ToolFormat format(String name) throws IOException {
        return ToolFormat.of(template(name), tokenizer).orElseThrow();
    }

    private long[] encode(String version, Conversation conversation) throws IOException {
        String name = "tools-" + version;
        return template(name).encode(tokenizer, format(name).prepare(conversation));
    }

    @ParameterizedTest
    @ValueSource(strings = {"v2", "v3", "v7", "v11", "v13"})
    void requestsOfMistralCommon(String version) throws IOException {
        JsonObject recorded = Reference.json(Reference.directory("chat").resolve("tools.json"));
        Set<String> names = new TreeSet<>();
        for (var request : recorded.getAsJsonObject("requests").entrySet()) {
            Conversation conversation =
                    ConversationJson.conversation(
                            ConversationJson.object(request.getValue().toString()));
            long[] expected =
                    recorded
                            .getAsJsonObject(version)
                            .getAsJsonArray(request.getKey())
                            .asList()
                            .stream()
                            .mapToLong(JsonElement::getAsLong)
                            .toArray();
            assertThat(encode(version, conversation)).as(request.getKey()).isEqualTo(expected);
            names.add(request.getKey());
        }
        assertThat(names).hasSizeGreaterThan(10);
    }

    @Test
    void aClientsIdsBecomeNineCharactersAndStayItsOwn() throws IOException {
        Conversation client = conversation("call_3FZh1oWlTgA", "call_other");
        Conversation prepared = format("tools-v3").prepare(client);
        String text = template("tools-v3").render(prepared);
        assertThat(text)
                .containsPattern("\"id\": \"([a-z0-9]{9})\"}].*\"call_id\": \"\\1\"")
                .containsPattern("\"id\": \"(?<id>[a-z0-9]{9})\".*\"id\": \"(?!\\k<id>)");
        assertThat(format("tools-v3").prepare(client)).isEqualTo(prepared);
        assertThat(client.messages().get(2).fields()).containsEntry("tool_call_id", "call_other");
        // an id that has the form already stays
        assertThat(
                        template("tools-v3")
                                .render(
                                        format("tools-v3")
                                                .prepare(conversation("aB3", "9charsLng"))))
                .contains("\"call_id\": \"9charsLng\"");
    }

    private static Conversation conversation(String first, String second) {
        return new Conversation(
                List.of(
                        Message.user("Now?"),
                        Message.assistant(
                                "",
                                List.of(
                                        new ToolCall(first, "now", "{}"),
                                        new ToolCall(second, "now", "{\"zone\":\"CET\"}"))),
                        Message.tool(second, "12:00")));
    }

    /** {@code json.loads} fails, and mistral-common writes the text as a string. */
    @Test
    void argumentsThatAreNoJsonAreWrittenAsText() throws IOException {
        Message called =
                Message.assistant("", List.of(new ToolCall("abcdef123", "now", "{\"a\": ")));
        Conversation cut = new Conversation(List.of(Message.user("Now?"), called));
        assertThat(template("tools-v3").render(format("tools-v3").prepare(cut)))
                .contains("\"arguments\": \"{\\\"a\\\": \"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"instruct-sept-2024", "zephyr", "chatml", "headers", "typed-tools"})
    void otherTemplatesHaveNoSuchFormat(String name) throws IOException {
        assertThat(ToolFormat.of(template(name), tokenizer)).isEmpty();
    }

    @Test
    void wrongToolsAreNamed() throws IOException {
        ToolFormat format = format("tools-v3");
        Conversation question = new Conversation(List.of(Message.user("x")));
        Map<String, Object> now = Map.of("function", Map.of("name", "now"));
        assertThatThrownBy(() -> format.prepare(question.withTools(List.of(now, now))))
                .hasMessage("there are two tools named \"now\": rename one");
        assertThatThrownBy(() -> format.prepare(question.withTools(List.of(now, Map.of()))))
                .hasMessageContaining("tool 1 has no function");
        assertThatThrownBy(
                        () ->
                                format.prepare(
                                        question.withTools(
                                                List.of(
                                                        Map.of(
                                                                "function",
                                                                Map.of("name", "a b"))))))
                .hasMessageContaining("tool 0 has no name of 1 to 64 letters");
    }
}
