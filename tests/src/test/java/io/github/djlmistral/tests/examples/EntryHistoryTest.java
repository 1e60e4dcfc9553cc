/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.examples.chat.EntryHistory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.jline.reader.History;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The history of {@code mistral chat}. */
class EntryHistoryTest {

    @TempDir Path directory;

    @Test
    void entriesOfEarlierProgramsAreThereOnce() throws IOException {
        Path file = directory.resolve("new/chat_history");
        EntryHistory history = history(file);
        List.of("one", "two\nlines \\ \"quoted\"", " one ", "three").forEach(history::add);
        List<String> expected = List.of("two\nlines \\ \"quoted\"", "one", "three");
        assertThat(entries(history)).isEqualTo(expected);
        assertThat(entries(history(file))).isEqualTo(expected);
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void programsShareTheFile() throws IOException {
        Path file = directory.resolve("chat_history");
        EntryHistory first = history(file);
        EntryHistory second = history(file);
        first.add("first");
        second.add("second");
        assertThat(entries(first)).containsExactly("first");
        assertThat(entries(history(file))).containsExactly("first", "second");
    }

    @Test
    void theOldestAreForgotten() throws IOException {
        Path file = directory.resolve("chat_history");
        EntryHistory history = history(file);
        for (int i = 0; i < 510; ++i) {
            history.add("entry " + i);
        }
        List<String> kept = entries(history(file));
        assertThat(kept).hasSize(500).endsWith("entry 509").isEqualTo(entries(history));
        assertThat(Files.readAllLines(file)).hasSize(500);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void onlyTheOwnerMayRead() throws IOException {
        Path file = directory.resolve("a/b/chat_history");
        history(file);
        assertThat(permissions(file)).isEqualTo("rw-------");
        assertThat(permissions(file.getParent())).isEqualTo("rwx------");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        history(file).add("one");
        assertThat(permissions(file)).isEqualTo("rw-------");
        Files.writeString(file, "\"two\"\n\"two\"\n"); // is written anew
        assertThat(entries(history(file))).containsExactly("two");
        assertThat(permissions(file)).isEqualTo("rw-------");
    }

    @Test
    void aDamagedLineIsSkipped() throws IOException {
        Path file = directory.resolve("chat_history");
        Files.write(
                file, "\"one\"\n\"tw\n\u00ff\n\"three\"\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(entries(history(file))).containsExactly("one", "three");
    }

    @Test
    void aFileThatCannotBeWrittenIsAnError() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");
        assertThatThrownBy(() -> history(file.resolve("chat_history")))
                .isInstanceOf(IOException.class);
        List<IOException> failures = new ArrayList<>();
        EntryHistory history = new EntryHistory(file, failures::add);
        Files.delete(file);
        history.add("one");
        history.add("two");
        assertThat(failures).hasSize(1);
        assertThat(entries(history)).containsExactly("one", "two");
    }

    @Test
    void theFileIsWhereStateBelongs() {
        Path home = directory.resolve("home");
        Path usual = home.resolve(".local/state/djl-mistral/chat_history");
        assertThat(EntryHistory.file(Map.of(), home)).isEqualTo(usual);
        assertThat(EntryHistory.file(Map.of("XDG_STATE_HOME", "relative"), home)).isEqualTo(usual);
        assertThat(EntryHistory.file(Map.of("XDG_STATE_HOME", "/state"), home))
                .isEqualTo(Path.of("/state/djl-mistral/chat_history"));
    }

    private static EntryHistory history(Path file) throws IOException {
        return new EntryHistory(
                file,
                e -> {
                    throw new AssertionError(e);
                });
    }

    private static String permissions(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    private static List<String> entries(EntryHistory history) {
        return StreamSupport.stream(history.spliterator(), false).map(History.Entry::line).toList();
    }
}
