/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.zoo.ToolModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mistral generate --tools} prints the calls of tools. */
class GenerateToolsTest {

    @TempDir static Path directory;
    @TempDir static Path withoutTools;

    private static Path tools;

    @BeforeAll
    static void write() throws Exception {
        ToolModel.write(directory);
        ToolModel.write(withoutTools, "instruct-sept-2024");
        tools =
                Files.writeString(
                        directory.resolve("tools.txt"),
                        "[{\"type\": \"function\", \"function\": {\"name\": \"now\"}}, {\"type\":"
                                + " \"function\", \"function\": {\"name\": \"light\","
                                + " \"parameters\": {\"type\": \"object\", \"properties\": {\"on\":"
                                + " {\"type\": \"boolean\"}}, \"required\": [\"on\"],"
                                + " \"additionalProperties\": false}}}]");
    }

    private static Cli generate(String... arguments) {
        return Cli.run(
                Stream.concat(
                                Stream.of("generate", "--device=cpu", "--tools=" + tools),
                                Arrays.stream(arguments))
                        .toArray(String[]::new));
    }

    private static void assertIsLight(JsonObject call) {
        assertThat(call.get("id").getAsString()).matches("[a-zA-Z0-9]{9}");
        assertThat(call.get("type").getAsString()).isEqualTo("function");
        JsonObject function = call.getAsJsonObject("function");
        assertThat(function.get("name").getAsString()).isEqualTo("light");
        assertThat(function.get("arguments").getAsString())
                .isIn("{\"on\": true}", "{\"on\": false}");
    }

    @Test
    void callsAreJsonLines() {
        String model = "--model=" + directory;
        String out =
                generate(model, "--tool-choice=light", "--no-parallel-tool-calls", "Light!")
                        .succeeds()
                        .out();
        assertThat(out.lines()).hasSize(1);
        assertIsLight(JsonParser.parseString(out).getAsJsonObject());
        String beams =
                generate(
                                model,
                                "--tool-choice=light",
                                "--no-parallel-tool-calls",
                                "--num-beams=2",
                                "Light!")
                        .succeeds()
                        .out();
        assertIsLight(JsonParser.parseString(beams).getAsJsonObject());
    }

    @Test
    void jsonHasTheCalls() {
        JsonObject json =
                generate(
                                "--model=" + directory,
                                "--tool-choice=light",
                                "--no-parallel-tool-calls",
                                "--json",
                                "Light!")
                        .json();
        JsonArray calls = json.getAsJsonArray("tool_calls");
        assertThat(json.get("text").getAsString()).isEmpty();
        assertThat(calls).hasSize(1);
        assertIsLight(calls.get(0).getAsJsonObject());
    }

    @Test
    void theEmbeddedModelCallsTools() throws Exception {
        Path weather =
                Files.writeString(
                        directory.resolve("weather.txt"),
                        "[{\"type\": \"function\", \"function\": {\"name\": \"weather\","
                                + " \"description\": \"Weather of a place\", \"parameters\":"
                                + " {\"type\": \"object\", \"required\": [\"place\"], \"properties\":"
                                + " {\"place\": {\"type\": \"string\"}}}}}]");
        String out =
                Cli.run("generate", "--tools=" + weather, "Is it raining in Bern?")
                        .succeeds()
                        .out();
        JsonObject function =
                JsonParser.parseString(out).getAsJsonObject().getAsJsonObject("function");
        assertThat(function.get("name").getAsString()).isEqualTo("weather");
        assertThat(function.get("arguments").getAsString()).isEqualTo("{\"place\": \"Bern\"}");
        assertThat(Cli.run("generate", "--tools=" + weather, "What is a fox?").succeeds().out())
                .startsWith("alert carnivorous mammal");
    }

    @Test
    void mistakesAreTold() {
        assertThat(generate("--model=" + directory, "--tool-choice=fly", "x").fault(1))
                .contains("tool_choice names the function \"fly\", the tools are [now, light]");
        assertThat(generate("--model=" + withoutTools, "x").fault(1)).contains("cannot call tools");
        assertThat(generate("--raw", "x").fault(2)).contains("--tools needs the chat template");
        assertThat(Cli.run("generate", "--tool-choice=none", "x").fault(2))
                .contains("--tool-choice needs --tools");
        Path config = directory.resolve("config.json");
        assertThat(Cli.run("generate", "--tools=" + config, "x").fault(2))
                .contains("--tools " + config, "the JSON is not a list of objects");
    }
}
