/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral tokenize --messages} is the reference's {@code apply_chat_template}. */
class TokenizeMessagesTest {

    @TempDir Path directory;

    /** A checkpoint with the tokenizer of version 3 and a template with tools. */
    @BeforeEach
    void checkpoint() throws IOException {
        Files.copy(
                ReferenceTokenizers.path("tokenizer/tokenizer.model.v3"),
                directory.resolve("tokenizer.model"));
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"legacy\": false}");
        Files.copy(
                ReferenceTokenizers.path("chat/tools-v3.jinja"),
                directory.resolve("chat_template.jinja"));
    }

    private String file(String name, @Nullable JsonElement json) throws IOException {
        return Files.writeString(directory.resolve(name), String.valueOf(json)).toString();
    }

    private List<String> arguments(JsonObject input) throws IOException {
        List<String> arguments = new ArrayList<>();
        arguments.add("tokenize");
        arguments.add("--model=" + directory);
        arguments.add("--messages=" + file("messages.json", input.get("messages")));
        for (String list : List.of("tools", "documents")) {
            if (input.has(list)) {
                arguments.add("--" + list + "=" + file(list + ".json", input.get(list)));
            }
        }
        if (input.has("add_generation_prompt")) {
            arguments.add("--add-generation-prompt");
        }
        if (input.has("continue_final_message")) {
            arguments.add("--continue-final-message");
        }
        if (input.has("variables")) {
            arguments.add("--chat-template-kwargs=" + input.get("variables"));
        }
        return arguments;
    }

    /** An input of each combination of options; {@code ChatInputsTest} has all inputs. */
    @Test
    void jsonHasTheTextAndTheIds() throws IOException {
        JsonObject recorded =
                JsonParser.parseString(
                                Files.readString(ReferenceTokenizers.path("chat/inputs.json")))
                        .getAsJsonObject();
        Set<Set<String>> combinations = new HashSet<>();
        for (JsonElement element : recorded.getAsJsonArray("cases")) {
            JsonObject c = element.getAsJsonObject();
            String name = c.get("input").getAsString();
            JsonObject input = recorded.getAsJsonObject("inputs").getAsJsonObject(name);
            if (!c.get("template").getAsString().equals("tools-v3")
                    || !c.has("rendered")
                    || !combinations.add(input.keySet())) {
                continue;
            }
            List<String> arguments = arguments(input);
            arguments.add("--json");
            JsonObject json = Cli.run(arguments.toArray(String[]::new)).json();
            assertThat(json.keySet()).as(name).containsExactly("text", "ids");
            assertThat(json.get("text")).as(name).isEqualTo(c.get("rendered"));
            assertThat(json.getAsJsonArray("ids")).as(name).isEqualTo(c.get("safe_ids"));
        }
        assertThat(combinations).hasSizeGreaterThan(8);
    }

    @Test
    void messagesFromStandardInput() {
        String messages = "[{\"role\": \"user\", \"content\": \"a\"}]";
        Cli run =
                Cli.runWith(
                        messages, "tokenize", "--model=" + directory, "--messages=-", "--ids-only");
        assertThat(run.succeeds().out().strip()).isEqualTo("1,3,1032,4");
        String table =
                Cli.runWith(messages, "tokenize", "--model=" + directory, "--messages=-")
                        .succeeds()
                        .out();
        assertThat(table).startsWith("<s>[INST] a[/INST]").contains("      3  [INST]");
    }

    @Test
    void integersOfAnySizeAreKept() throws IOException {
        Files.writeString(
                directory.resolve("chat_template.jinja"),
                "{{ messages[0].n }} {{ messages[0].x }} {{ messages[0].i }}");
        JsonArray messages =
                JsonParser.parseString("[{\"n\": 123456789012345678901, \"x\": 1.0, \"i\": -7}]")
                        .getAsJsonArray();
        String[] arguments = {
            "tokenize",
            "--model=" + directory,
            "--messages=" + file("messages.json", messages),
            "--json"
        };
        assertThat(Cli.run(arguments).json().get("text").getAsString())
                .isEqualTo("123456789012345678901 1.0 -7");
    }

    @Test
    void variablesReachTheTemplate() throws IOException {
        Files.writeString(
                directory.resolve("chat_template.jinja"), "{{ mood }}{{ [level, bos_token] }}");
        String messages = file("messages.json", JsonParser.parseString("[{\"role\": \"user\"}]"));
        String[] arguments = {
            "tokenize",
            "--model=" + directory,
            "--messages=" + messages,
            "--json",
            "--chat-template-kwargs={\"mood\": null, \"level\": 3, \"bos_token\": \"!\"}"
        };
        assertThat(Cli.run(arguments).json().get("text").getAsString()).isEqualTo("None[3, '!']");
        for (String value : List.of("[]", "{", "5", "{}{}")) {
            arguments[4] = "--chat-template-kwargs=" + value;
            assertThat(Cli.run(arguments).fault(1))
                    .contains("--chat-template-kwargs: ")
                    .containsAnyOf("not an object", "invalid JSON");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "5", "[", "[5]", "[null]", "null", "\"x\""})
    void aFileThatIsNoListOfObjectsIsNamed(String json) throws IOException {
        String name = Files.writeString(directory.resolve("bad.json"), json).toString();
        assertThat(Cli.run("tokenize", "--model=" + directory, "--messages=" + name).fault(1))
                .contains("--messages", "bad.json")
                .containsAnyOf("not a list of objects", "invalid JSON");
    }

    @Test
    void templateErrorIsReported() throws IOException {
        String messages =
                file(
                        "messages.json",
                        JsonParser.parseString("[{\"role\": \"assistant\", \"content\": \"a\"}]"));
        assertThat(Cli.run("tokenize", "--model=" + directory, "--messages=" + messages).fault(1))
                .contains("user and assistant must take turns");
    }

    @Test
    void conflictingOptions() throws IOException {
        String messages = file("messages.json", new JsonArray());
        assertThat(Cli.run("tokenize", "--messages=" + messages, "text").fault(2))
                .contains("--messages");
        assertThat(Cli.run("tokenize", "--messages=" + messages, "--no-bos").fault(2))
                .contains("--no-bos");
        assertThat(Cli.run("tokenize", "--chat-template-kwargs={}", "text").fault(2))
                .contains("need --messages");
        assertThat(Cli.run("tokenize", "--tools=" + messages, "text").fault(2))
                .contains("need --messages");
        String[] both = {
            "tokenize",
            "--messages=" + messages,
            "--add-generation-prompt",
            "--continue-final-message"
        };
        assertThat(Cli.run(both).fault(2)).contains("--continue-final-message");
    }
}
