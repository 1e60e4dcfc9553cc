/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.zoo.ToolModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mistral chat} with tools: it prints the calls, and the user enters their results. */
class ChatToolsTest {

    private static final String CALLED = "light({\"on\": true})";

    private static final String PARALLEL =
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Light!\"}, {\"role\":"
                    + " \"assistant\", \"content\": \"\", \"tool_calls\": [{\"id\": \"aaaaaaaa1\","
                    + " \"function\": {\"name\": \"light\", \"arguments\": \"{}\"}}, {\"id\":"
                    + " \"aaaaaaaa2\", \"function\": {\"name\": \"light\", \"arguments\":"
                    + " \"{}\"}}]}], \"tools\": [{\"type\": \"function\", \"function\": {\"name\":"
                    + " \"light\", \"parameters\": {\"properties\": {\"on\": {\"enum\":"
                    + " [true]}}, \"required\": [\"on\"], \"additionalProperties\": false}}}]}";

    /** Makes the random model call once: the tokens are {@code [TOOL_CALLS]}, } and ]. */
    private static final String CALL = "/set logit_bias 5:200;29520:100;29561:100";

    private static final String TEXT = "/set logit_bias 5:-100";

    @TempDir static Path model;
    @TempDir Path directory;

    private Path tools;
    private Path saved;

    @BeforeAll
    static void writeModel() throws IOException {
        ToolModel.write(model);
    }

    @BeforeEach
    void writeTools() throws IOException {
        saved = directory.resolve("saved");
        tools =
                Files.writeString(
                        directory.resolve("tools.json"),
                        "[{\"type\": \"function\", \"function\": {\"name\": \"light\","
                                + " \"parameters\": {\"type\": \"object\", \"properties\": {\"on\":"
                                + " {\"enum\": [true]}}, \"required\": [\"on\"],"
                                + " \"additionalProperties\": false}}}]");
    }

    private Cli chat(String... lines) {
        return chat(List.of("--tools=" + tools), lines);
    }

    private static Cli chat(List<String> options, String... lines) {
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "chat",
                                "--model=" + model,
                                "--device=cpu",
                                "--no-do-sample",
                                "--max-new-tokens=60"));
        arguments.addAll(options);
        return Cli.runWith(String.join("\n", lines) + "\n", arguments.toArray(String[]::new))
                .succeeds();
    }

    private static JsonArray messages(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file))
                .getAsJsonObject()
                .getAsJsonArray("messages");
    }

    @Test
    void theUserEntersTheResultOfACall() throws IOException {
        Cli run = chat(CALL, "Light!", TEXT, "/set max_new_tokens 5", "done", "/save " + saved);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run.out().lines()).first().isEqualTo(CALLED);
        JsonArray messages = messages(saved);
        assertThat(messages).hasSize(4);
        JsonObject call =
                messages.get(1)
                        .getAsJsonObject()
                        .getAsJsonArray("tool_calls")
                        .get(0)
                        .getAsJsonObject();
        JsonObject result = messages.get(2).getAsJsonObject();
        assertThat(result.get("role").getAsString()).isEqualTo("tool");
        assertThat(result.get("content").getAsString()).isEqualTo("done");
        assertThat(result.get("tool_call_id")).isEqualTo(call.get("id"));
        assertThat(messages.get(3).getAsJsonObject().get("content").getAsString())
                .isEqualTo(String.join("\n", run.out().lines().skip(1).toList()).strip());
    }

    @Test
    void everyCallOfAnAnswerGetsItsResult() throws IOException {
        Path file = Files.writeString(directory.resolve("parallel"), PARALLEL);
        Cli run =
                chat(
                        List.of(),
                        "/load " + file,
                        TEXT,
                        "first",
                        "/file " + tools,
                        "second",
                        "/save " + saved,
                        "/undo",
                        "/save " + saved + "2");
        assertThat(run.err()).contains("loaded 2 messages", "saved 5 messages", "saved 0 messages");
        JsonArray messages = messages(saved);
        assertThat(result(messages.get(2))).isEqualTo("aaaaaaaa1: first");
        assertThat(result(messages.get(3)))
                .isEqualTo("aaaaaaaa2: " + Files.readString(tools) + "\n\nsecond");
        // the tools are saved, too
        assertThat(chat(List.of(), "/load " + saved, CALL, "/regenerate").out())
                .isEqualTo(CALLED + "\n");
    }

    private static String result(JsonElement message) {
        JsonObject fields = message.getAsJsonObject();
        assertThat(fields.get("role").getAsString()).isEqualTo("tool");
        return fields.get("tool_call_id").getAsString()
                + ": "
                + fields.get("content").getAsString();
    }

    @Test
    void aCallIsTakenBackOrAskedForAgain() throws IOException {
        Cli run =
                chat(
                        CALL,
                        "Light!",
                        "/regenerate",
                        "/undo",
                        TEXT,
                        "/set max_new_tokens 3",
                        "Light?",
                        "/save " + saved);
        assertThat(run.out().lines()).startsWith(CALLED, CALLED);
        assertThat(run.err()).contains("took back: Light!");
        assertThat(messages(saved)).hasSize(2);
    }

    @Test
    void anIncompleteCallIsNotKept() {
        for (int length : new int[] {3, 18}) {
            Cli run = chat(CALL, "/set max_new_tokens " + length, "Light!", "/undo");
            assertThat(run.out()).startsWith(length == 3 ? "\n" : "light(");
            assertThat(run.err())
                    .contains(
                            "the answer ended within a call: the message is not kept",
                            "there is no message to take back");
        }
    }

    @Test
    void toolsComeAndGo() {
        Cli run =
                chat(
                        "/tools off",
                        CALL,
                        "/set max_new_tokens 3",
                        "Light!",
                        "/undo",
                        "/tools " + tools,
                        "/set max_new_tokens 60",
                        "Light!");
        assertThat(run.out().lines()).last().isEqualTo(CALLED);
        assertThat(run.out()).containsOnlyOnce(CALLED);
    }

    @Test
    void mistakesAreTold() throws IOException {
        Path file = Files.writeString(directory.resolve("wrong"), "[{}]");
        Cli run = chat("/tools " + file, "/tools " + model, "/tools");
        assertThat(run.err().lines())
                .containsExactly(
                        "mistral: "
                                + file
                                + ": tool 0 has no function: give {\"type\":"
                                + " \"function\", \"function\": {\"name\": ..}}",
                        "mistral: " + model + " is a directory: give a file",
                        "mistral: /tools needs the name of a file");
        assertThat(Cli.run("chat", "--tools=" + model.resolve("config.json")).fault(2))
                .contains("--tools " + model, "the JSON is not a list of objects");
        Path plain = Files.createDirectory(directory.resolve("plain"));
        String other = "--model=" + ToolModel.write(plain, "instruct-sept-2024");
        assertThat(Cli.run("chat", other, "--tools=" + tools).fault(1))
                .contains("cannot call tools");
        Cli goesOn =
                Cli.runWith(
                                "/tools " + tools + "\nWhat is a fox?\n",
                                "chat",
                                other,
                                "--max-new-tokens=4")
                        .succeeds();
        assertThat(goesOn.err()).contains(tools + ": the model", "cannot call tools");
        assertThat(goesOn.out()).isNotEmpty();
    }

    @Test
    void theTerminalAsksForTheResult() throws IOException {
        Cli run =
                new ScriptedTerminal()
                        .type(CALL + "\r")
                        .type("Light!\r")
                        .type(TEXT + "\r")
                        .type("/set max_new_tokens 2\r")
                        .type("done\r")
                        .type("/save " + saved + "\r")
                        .type("/quit\r")
                        .run(
                                false,
                                "chat",
                                "--no-history",
                                "--model=" + model,
                                "--device=cpu",
                                "--tools=" + tools);
        assertThat(run.succeeds().out()).contains(CALLED, "result of light> ");
        assertThat(result(messages(saved).get(2))).endsWith(": done");
    }
}
