/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.github.djlmistral.engine.weights.StagingDirectory;
import io.github.djlmistral.tests.ForkedJava;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A checkpoint directory is complete, or as it was before. */
class StagingDirectoryTest {

    private static final List<String> FILES = List.of("config.json", "model.safetensors", "state");
    private static final int LENGTH = 100;

    @TempDir Path directory;

    /** Writes files to a disk that has room for so many bytes. */
    private static void write(Path target, int content, int room) throws IOException {
        try (StagingDirectory staging = StagingDirectory.of(target).deleteOnExit()) {
            int left = room;
            for (String name : FILES) {
                Path file = Files.createFile(staging.path().resolve(name));
                for (int i = 0; i < LENGTH; ++i) {
                    if (left-- == 0) {
                        throw new IOException("No space left on device");
                    }
                    Files.write(file, new byte[] {(byte) content}, StandardOpenOption.APPEND);
                }
            }
            staging.replace();
        }
    }

    /** All files by their path, with their content. */
    private Map<String, String> files() throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> entries = Files.walk(directory)) {
            for (Path entry : entries.toList()) {
                String name = directory.relativize(entry).toString();
                files.put(name, Files.isRegularFile(entry) ? Files.readString(entry) : "");
            }
        }
        return files;
    }

    @Test
    void aDiskThatFillsUpLeavesWhatWasThere() throws IOException {
        Path target = directory.resolve("checkpoint-4");
        Map<String, String> nothing = files();
        assertThatIOException().isThrownBy(() -> write(target, 'a', LENGTH));
        assertThat(files()).isEqualTo(nothing);
        write(target, 'a', FILES.size() * LENGTH);
        Map<String, String> before = files();
        assertThat(before).hasSize(2 + FILES.size());
        int[] rooms = new Random(1).ints(20, 0, FILES.size() * LENGTH).toArray();
        for (int room : rooms) {
            assertThatIOException()
                    .isThrownBy(() -> write(target, 'b', room))
                    .withMessage("No space left on device");
            assertThat(files()).isEqualTo(before);
        }
        write(target, 'b', FILES.size() * LENGTH);
        Map<String, String> after = files();
        assertThat(after.keySet()).isEqualTo(before.keySet());
        assertThat(after.get(Path.of("checkpoint-4", "state").toString()))
                .isEqualTo("b".repeat(LENGTH));
    }

    /** A directory that appeared while its files were written is nobody's to delete. */
    @Test
    void onlyReplacingDeletesFiles() throws IOException {
        Path target = directory.resolve("merged");
        try (StagingDirectory staging = StagingDirectory.of(target)) {
            Files.writeString(staging.path().resolve("config.json"), "new");
            Files.createDirectory(target);
            Files.writeString(target.resolve("config.json"), "another");
            assertThatIOException().isThrownBy(staging::finish);
        }
        assertThat(files())
                .hasSize(3)
                .containsEntry(Path.of("merged", "config.json").toString(), "another");
    }

    /** A program that ends while it writes, as an interrupted one does. */
    static final class Interrupted {

        private Interrupted() {}

        public static void main(String[] arguments) throws IOException {
            StagingDirectory staging = StagingDirectory.of(Path.of(arguments[0])).deleteOnExit();
            Files.createFile(staging.path().resolve("model.safetensors"));
            System.exit(0);
        }
    }

    @Test
    void anExitOfTheProgramLeavesNothing() throws Exception {
        ForkedJava.run(List.of(), Interrupted.class, directory.resolve("models/merged").toString());
        assertThat(directory.resolve("models")).isEmptyDirectory();
    }
}
