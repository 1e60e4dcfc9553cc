/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code mistral chat} on a terminal. */
@Timeout(120)
class ChatTerminalTest {

    private static final String CTRL_C = "\u0003";
    private static final String CTRL_D = "\u0004";
    private static final String CTRL_R = "\u0012";
    private static final String UP = "\u001bOA";

    @TempDir Path directory;

    @Test
    void linesAreEdited() throws IOException {
        Path file = directory.resolve("saved");
        Cli run =
                new ScriptedTerminal()
                        .type("What is a foy\bx?\r")
                        .type("first\\\rsecond\r")
                        .type("\"\"\"\r/third\r\rfourth\"\"\"\r")
                        .type("\u001b[200~pasted\\\nlines\u001b[201~ and more\r")
                        .type(UP + " again\r")
                        .type(CTRL_R + "fox\r")
                        .type("   \r")
                        .type("/sav\t" + file + "\r")
                        .type("/qui\t\r")
                        .run(false, "chat", "--no-history", "--max-new-tokens=2");
        run.succeeds();
        assertThat(questions(file))
                .containsExactly(
                        "What is a fox?",
                        "first\nsecond",
                        "/third\n\nfourth",
                        "pasted\\\nlines and more",
                        "pasted\\\nlines and more again",
                        "What is a fox?");
    }

    @Test
    void ctrlCStopsTheAnswerAndNotTheProgram() throws IOException {
        Path file = directory.resolve("saved");
        String endless = "{\"type\": \"regex\", \"regex\": \"(lighthouse ){400}\"}";
        Cli run =
                new ScriptedTerminal()
                        .type("Say it.\r")
                        .type("lighthouse lighthouse", CTRL_C)
                        .type("/save " + file + "\r")
                        .type("to be dropped")
                        .type("to be dropped", CTRL_C)
                        .type(CTRL_C)
                        .type("/tokens\r")
                        .type(CTRL_C)
                        .type(CTRL_C)
                        .run(
                                false,
                                "chat",
                                "--no-history",
                                "--max-new-tokens=4000",
                                "--response-format=" + endless);
        run.succeeds();
        assertThat(run.out()).doesNotContain("cut off");
        assertThat(run.err()).contains("saved 2 messages", "tokens and times: on");
        assertThat(questions(file)).containsExactly("Say it.");
    }

    @Test
    void ctrlDEnds() throws IOException {
        Cli run = new ScriptedTerminal().type(CTRL_D).run(false, "chat", "--no-history");
        assertThat(run.succeeds().err()).contains("/help lists the commands");
    }

    @Test
    void aFileIsOverwrittenIfTheUserSaysSo() throws IOException {
        Path file = Files.writeString(directory.resolve("saved"), "before");
        String save = "/save " + file + "\r";
        new ScriptedTerminal()
                .type(save)
                .type("[y/N]", "n\r")
                .type(CTRL_D)
                .run(false, "chat", "--no-history")
                .succeeds();
        assertThat(file).hasContent("before");
        new ScriptedTerminal()
                .type(save)
                .type("[y/N]", CTRL_C)
                .type(CTRL_D)
                .run(false, "chat", "--no-history")
                .succeeds();
        assertThat(file).hasContent("before");
        new ScriptedTerminal()
                .type(save)
                .type("[y/N]", "yes\r")
                .type(CTRL_D)
                .run(false, "chat", "--no-history")
                .succeeds();
        assertThat(questions(file)).isEmpty();
    }

    @Test
    void commandsOptionsAndFilesAreCompleted() throws IOException {
        Files.writeString(directory.resolve("a file.json"), "{\"messages\": []}");
        Cli run =
                new ScriptedTerminal()
                        .type("/set temp\t0.5\r")
                        .type("/set do_sample f\t\r")
                        .type("/set\r")
                        .type("/lo\t" + directory + "/a\t\r")
                        .type("/schema o\t\r")
                        .type("/q\t\r")
                        .run(false, "chat", "--no-history");
        assertThat(run.succeeds().err())
                .contains("temperature 0.5", "do_sample false", "loaded 0 messages")
                .doesNotContain("mistral: ");
    }

    @Test
    void markdownIsStyledAndControlCharactersAreNot() throws IOException {
        String format = "{\"type\": \"choice\", \"choice\": [\"**bold** \\u001b[31m`x`\"]}";
        String[] arguments = {"chat", "--no-history", "--response-format=" + format};
        Cli styled = new ScriptedTerminal().type("Hello!\r").type(CTRL_D).run(true, arguments);
        assertThat(styled.succeeds().out())
                .contains("\u001b[1mbold\u001b[0m", "\u001b[36mx\u001b[0m", "\uFFFD[31m")
                .doesNotContain("**", "\u001b[31m");
        Cli plain = new ScriptedTerminal().type("Hello!\r").type(CTRL_D).run(false, arguments);
        assertThat(plain.succeeds().out()).contains("**bold** \uFFFD[31m`x`");
    }

    private static List<String> questions(Path file) throws IOException {
        JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        List<String> questions = new ArrayList<>();
        for (JsonElement message : json.getAsJsonArray("messages")) {
            JsonObject fields = message.getAsJsonObject();
            if (fields.get("role").getAsString().equals("user")) {
                questions.add(fields.get("content").getAsString());
            }
        }
        return questions;
    }
}
