/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a conversation holds beside its messages, and which template it gets. */
class ConversationTest {

    private static final Message HI = Message.user("hi");

    @TempDir Path directory;

    private static String render(String jinja, Conversation conversation) {
        return new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"))
                .render(conversation);
    }

    private Conversation ofUser() {
        return new Conversation(List.of(HI));
    }

    private void settings(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), json);
    }

    private String opened(Conversation conversation) throws IOException {
        return ChatTemplate.open(directory).orElseThrow().render(conversation);
    }

    @Test
    void absentToolsAndDocumentsAreNone() {
        String jinja = "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}";
        assertThat(render(jinja, ofUser())).isEqualTo("TrueTrueFalse");
        Conversation all =
                ofUser().withTools(List.of(Map.of("name", "f")))
                        .withDocuments(List.of(Map.of("text", "t")))
                        .withGenerationPrompt(true);
        assertThat(render("{{ tools }}{{ documents }}{{ add_generation_prompt }}", all))
                .isEqualTo("[{'name': 'f'}][{'text': 't'}]True");
    }

    @Test
    void fieldsOfMessagesKeepTheirOrder() {
        Map<String, Object> call = Map.of("function", Map.of("arguments", List.of(1, 2.5, true)));
        Message message =
                new Message(new java.util.LinkedHashMap<>(Map.of("tool_calls", List.of(call))));
        assertThat(render("{{ messages[0] | tojson }}", new Conversation(List.of(message))))
                .isEqualTo("{\"tool_calls\": [{\"function\": {\"arguments\": [1, 2.5, true]}}]}");
        assertThat(message.role()).isEmpty();
        assertThat(message.content()).isNull();
    }

    @Test
    void aMessageIsACopy() {
        Map<String, Object> fields = new HashMap<>(Map.of("role", "user", "content", "hi"));
        Message message = new Message(fields);
        fields.put("content", "changed");
        assertThat(message).isEqualTo(HI);
        assertThatThrownBy(() -> new Message(Map.of("content", new Object())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("java.lang.Object");
    }

    @Test
    void variablesReachTheTemplateAndReplaceSpecialTokens() {
        Map<String, Object> variables = Map.of("enable_thinking", false, "eos_token", "!");
        assertThat(
                        render(
                                "{{ enable_thinking }}{{ bos_token }}{{ eos_token }}",
                                ofUser().withVariables(variables)))
                .isEqualTo("False<s>!");
        assertThatThrownBy(() -> render("", ofUser().withVariables(Map.of("messages", 1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("messages");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "'[{{ messages[-1].content }}]</s>' # 'be' # '[be'",
                "'[{{ messages[-1].content }}]</s>' # 'be ' # '[be '",
                "'[{{ messages[-1].content | trim }}]</s>' # 'be' # '[be'",
                "'[{{ messages[-1].content | trim }}]</s>' # 'be ' # '[be'"
            })
    void theLastMessageIsContinued(String jinja, String content, String expected) {
        Conversation conversation =
                new Conversation(List.of(HI, Message.assistant(content)))
                        .withContinuedField("content");
        assertThat(render(jinja, conversation)).isEqualTo(expected);
    }

    @Test
    void theLastTextOfPartsIsContinued() {
        Message parts =
                new Message(
                        Map.of("content", List.of(Map.of("text", "a"), Map.of("type", "image"))));
        String jinja = "{% for p in messages[-1]['content'] %}{{ p.text }};{% endfor %}";
        assertThat(render(jinja, new Conversation(List.of(parts)).withContinuedField("content")))
                .isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ messages[-1].content }} # reasoning # no \"reasoning\"",
                "constant # content # does not use \"content\"",
                "{{ messages[-1].content | upper }} # content # does not write it unchanged"
            })
    void invalidContinueFinalMessage(String jinja, String field, String cause) {
        Conversation conversation =
                new Conversation(List.of(Message.assistant("be"))).withContinuedField(field);
        assertThatThrownBy(() -> render(jinja, conversation))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(cause);
        assertThatThrownBy(() -> render(jinja, conversation.withGenerationPrompt(true)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("generation prompt");
    }

    @Test
    void toolsSelectTheTemplateForThem() throws IOException {
        settings(
                """
                {"chat_template": [{"name": "default", "template": "plain"},
                  {"name": "tool_use", "template": "tools"}]}
                """);
        assertThat(opened(ofUser())).isEqualTo("plain");
        assertThat(opened(ofUser().withTools(List.of()))).isEqualTo("tools");
    }

    @Test
    void withoutADefaultTemplateToolsAreNeeded() throws IOException {
        settings("{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"}]}");
        assertThatThrownBy(() -> opened(ofUser()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[tool_use]");
    }

    @Test
    void filesOfFurtherTemplates() throws IOException {
        settings("{\"chat_template\": \"settings\"}");
        Files.writeString(directory.resolve("chat_template.jinja"), "plain");
        Files.createDirectory(directory.resolve("additional_chat_templates"));
        Files.writeString(
                directory.resolve("additional_chat_templates").resolve("tool_use.jinja"), "tools");
        assertThat(opened(ofUser())).isEqualTo("plain");
        assertThat(opened(ofUser().withTools(List.of()))).isEqualTo("tools");
    }

    @Test
    void anErrorNamesTheCheckpoint() throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), "\n{{ messages | shout }}");
        assertThatThrownBy(() -> ChatTemplate.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(directory.toString(), "line 2", "'shout'");
    }

    @Test
    void specialTokensOfTheSettingsAreVariables() throws IOException {
        settings(
                """
                {"bos_token": "<b>", "pad_token": {"content": "<pad>"}, "unk_token": null,
                  "chat_template": "{{ bos_token }}{{ pad_token }}{{ unk_token is defined }}"}
                """);
        assertThat(opened(ofUser())).isEqualTo("<b><pad>False");
    }
}
