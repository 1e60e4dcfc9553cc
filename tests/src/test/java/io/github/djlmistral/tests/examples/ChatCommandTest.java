/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of {@code mistral chat}, through a pipe. */
class ChatCommandTest {

    private static final String FOX = "What is a fox?";

    @TempDir Path directory;

    @Test
    void aLoadedConversationGoesOnAsTheSavedOne() throws IOException {
        Path first = directory.resolve("first.json");
        Path second = directory.resolve("second.json");
        List<String> answers =
                chat(
                                "/system Answer in a few words.",
                                "/set max_new_tokens 7",
                                "/set repetition_penalty 1.5",
                                FOX,
                                "/save " + first,
                                "And what is a lighthouse?")
                        .out()
                        .lines()
                        .toList();
        Cli loaded =
                chat(
                        "/load " + first,
                        "/set",
                        "/save " + second,
                        "And what is a lighthouse?",
                        "/undo",
                        "/regenerate");
        assertThat(loaded.out().lines()).containsExactly(answers.get(1), answers.get(0));
        assertThat(loaded.err())
                .contains("loaded 3 messages", "max_new_tokens 7\n", "repetition_penalty 1.5\n");
        assertThat(second).hasSameTextualContentAs(first);
        assertThat(json(first).get("parameters").toString())
                .isEqualTo("{\"max_new_tokens\":7,\"repetition_penalty\":1.5}");
        assertThat(contents(first)).containsExactly("Answer in a few words.", FOX, answers.get(0));
    }

    @Test
    void undoTakesBackAndRegenerateAnswersAgain() throws IOException {
        Path file = directory.resolve("saved");
        Cli run =
                chat(
                        FOX,
                        "What is a ship?",
                        "/set response_format {\"type\":\"choice\",\"choice\":[\"another\"]}",
                        "/regenerate",
                        "/save " + file,
                        "/undo",
                        "/undo",
                        "/undo",
                        "/regenerate");
        List<String> answers = run.out().lines().toList();
        assertThat(answers).hasSize(3).endsWith("another");
        assertThat(contents(file))
                .containsExactly(FOX, answers.get(0), "What is a ship?", "another");
        assertThat(run.err())
                .contains(
                        "took back: What is a ship?",
                        "took back: " + FOX,
                        "there is no message to take back",
                        "there is no message to answer again");
    }

    @Test
    void aFileComesBeforeTheNextMessage() throws IOException {
        Path text = Files.writeString(directory.resolve("a text"), "A fox\nhas ears.\n");
        Path saved = directory.resolve("saved");
        Cli run = chat("/file " + text, FOX, "/file " + text, "/undo", FOX, "/save " + saved);
        assertThat(run.err()).contains("a text comes before the next message: 10 tokens");
        assertThat(contents(saved).get(0)).isEqualTo("A fox\nhas ears.\n\n" + FOX);
        assertThat(contents(saved).get(2)).isEqualTo(FOX);
    }

    @Test
    void optionsAreSetAndUnset() {
        Cli run =
                chat(
                        List.of("--top-k=5", "--no-do-sample"),
                        "/set",
                        "/set topP 0.5",
                        "/set top_k default",
                        "/set",
                        "/set nonsense 1",
                        "/set nonsense default",
                        "/set top_p 2",
                        "/set top_p high",
                        "/set num_beams 2",
                        "/set top_p",
                        "/set");
        assertThat(run.err().lines())
                .startsWith(
                        "do_sample false",
                        "top_k 5",
                        "do_sample false",
                        "top_p 0.5",
                        "mistral: unknown option \"nonsense\": 'mistral chat --help' lists them")
                .endsWith("do_sample false", "top_p 0.5");
        assertThat(run.err())
                .contains(
                        "top_p is 2.0, must be above 0 and at most 1",
                        "top_p is \"high\", must be a number",
                        "beam search cannot be streamed",
                        "/set top_p needs a value");
    }

    @Test
    void aBiasIsSetAsTextOrJson() throws IOException {
        Path saved = directory.resolve("saved");
        Cli run =
                chat(
                        "/set logit_bias 5:-2.5",
                        "/set",
                        "/set logit_bias {\"5\": -2.5}",
                        "/set logit_bias 5",
                        "/set logit_bias 9999999:1",
                        "/save " + saved,
                        "/set logit_bias default",
                        "/load " + saved,
                        "/set");
        assertThat(run.err().lines())
                .startsWith("logit_bias 5:-2.5")
                .endsWith("logit_bias {\"5\": -2.5}");
        assertThat(run.err())
                .contains(
                        "logit_bias is \"5\", must be token ids with a bias, as 5:-2.5;7:1 or"
                                + " {\"5\": -2.5, \"7\": 1}",
                        "logit_bias contains the token id 9999999");
    }

    @Test
    void aSchemaFormsTheNextAnswers() throws IOException {
        Path schema = Files.writeString(directory.resolve("schema"), "{\"enum\": [\"yes!\"]}");
        Path saved = directory.resolve("saved");
        Cli run = chat("/schema " + schema, FOX, "/save " + saved, "/schema off", FOX);
        assertThat(run.out().lines()).startsWith("\"yes!\"").doesNotHaveDuplicates();
        Cli again = chat("/load " + saved, "/regenerate");
        assertThat(again.out()).isEqualTo("\"yes!\"\n");
    }

    @Test
    void clearKeepsTheSystemMessage() throws IOException {
        Path saved = directory.resolve("saved");
        chat("/system Be brief.", FOX, "/file " + saved, "/clear", "/save " + saved);
        assertThat(contents(saved)).containsExactly("Be brief.");
        chat("/load " + saved, FOX, "/reset", "/save " + saved + "2", "/system", "/quit", FOX);
        assertThat(contents(directory.resolve("saved2"))).containsExactly("Be brief.");
    }

    @Test
    void tokensAreShownOnDemand() {
        Cli run = chat("/tokens", FOX, "/tokens", FOX);
        assertThat(run.err().lines()).hasSize(3);
        assertThat(run.err()).containsOnlyOnce("tokens/s;").contains("on\n", "off\n");
    }

    @Test
    void whatBeginsWithASlashMayBeAMessage() {
        assertThat(chat("/etc/hosts is a file.").out().lines()).hasSize(1);
    }

    /** Each fault is one line that names the cause, and the conversation goes on. */
    @Test
    void faultsAreReported() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "text");
        Path bytes = Files.write(directory.resolve("bytes"), new byte[] {(byte) 0xff, 0});
        Path unknown = write("unknown", "{\"messages\": [], \"model\": \"x\"}");
        Path option = write("option", "{\"messages\": [], \"parameters\": {\"top_p\": 3}}");
        Path roles =
                write(
                        "roles",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": \"x\"}]}");
        Path schema = write("schema", "{\"not\": {}}");
        Path missing = directory.resolve("missing");
        Cli run =
                chat(
                        "/file",
                        "/file " + missing,
                        "/file " + directory,
                        "/file " + bytes,
                        "/load " + missing,
                        "/load " + file,
                        "/load " + unknown,
                        "/load " + option,
                        "/load " + roles,
                        "/save " + file,
                        "/save " + directory,
                        "/save " + file.resolve("below"),
                        "/save " + missing.resolve("below"),
                        "/schema " + missing,
                        "/schema " + file,
                        "/schema " + schema,
                        "/nonsense",
                        "/set",
                        FOX);
        assertThat(run.out().lines()).hasSize(1);
        assertThat(file).hasContent("text");
        String below = "no file can be created in ";
        assertThat(run.err().lines())
                .containsExactly(
                        "mistral: /file needs the name of a file",
                        "mistral: no such file: " + missing,
                        "mistral: " + directory + " is a directory: give a file",
                        "mistral: " + bytes + " is not a text in UTF-8",
                        "mistral: no such file: " + missing,
                        "mistral: "
                                + file
                                + ": invalid JSON: malformed JSON at line 1 column 1 path $",
                        "mistral: "
                                + unknown
                                + ": unknown keys [model]; known are [messages, tools, parameters]",
                        "mistral: " + option + ": top_p is 3.0, must be above 0 and at most 1",
                        "mistral: "
                                + roles
                                + ": conversation roles must alternate after the optional system"
                                + " message: user, assistant, user, ..",
                        "mistral: " + file + " exists and was not overwritten",
                        "mistral: " + directory + " is a directory: give a file",
                        "mistral: " + below + file + ": Not a directory",
                        "mistral: " + below + missing + ": there is no such directory",
                        "mistral: no such file: " + missing,
                        "mistral: " + file + ": response_format: it is not valid JSON (at \"$\")",
                        "mistral: "
                                + schema
                                + ": response_format: JSON Schema, #: no value satisfies the"
                                + " schema",
                        "unknown command /nonsense; /help lists all",
                        "no option is set: the model's own apply");
    }

    @Test
    void aSavedFileIsWholeAndNothingIsLeftBeside() throws IOException {
        Path saved = directory.resolve("saved");
        chat(FOX, "/save " + saved, "/save " + directory.resolve("missing/saved"));
        try (var files = Files.list(directory)) {
            assertThat(files).containsExactly(saved);
        }
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static Cli chat(String... lines) {
        return chat(List.of(), lines);
    }

    private static Cli chat(List<String> options, String... lines) {
        List<String> arguments = new ArrayList<>(List.of("chat"));
        arguments.addAll(options);
        return Cli.runWith(String.join("\n", lines) + "\n", arguments.toArray(String[]::new))
                .succeeds();
    }

    private static JsonObject json(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    private static List<String> contents(Path file) throws IOException {
        return json(file).getAsJsonArray("messages").asList().stream()
                .map(message -> message.getAsJsonObject().get("content").getAsString())
                .toList();
    }
}
