/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.training.JsonLines;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records of JSONL files, read in any order. */
class JsonLinesTest {

    @TempDir Path directory;

    @Test
    void randomRecordsInRandomOrder() throws IOException {
        Random random = new Random(13);
        String[] pieces = {
            "lamp", "\n", "\r", "\"", "\\", "灯", "👩‍🚀", "\u0000", "\u2028", " ", "é"
        };
        StringBuilder text = new StringBuilder("\uFEFF");
        List<String> values = new ArrayList<>();
        List<Long> numbers = new ArrayList<>();
        long line = 1;
        for (int i = 0; i < 1000; i++) {
            while (random.nextInt(5) == 0) {
                text.append(random.nextBoolean() ? " \t\r\n" : "\n");
                line++;
            }
            StringBuilder value = new StringBuilder();
            // some records are longer than the chunks in which the file is scanned
            int length = random.nextInt(100) == 0 ? 30_000 : random.nextInt(20);
            for (int n = 0; n < length; n++) {
                value.append(pieces[random.nextInt(pieces.length)]);
            }
            values.add(value.toString());
            numbers.add(line++);
            JsonObject record = new JsonObject();
            record.addProperty("value", value.toString());
            text.append(random.nextBoolean() ? "" : "  ").append(record);
            text.append(i == 999 ? "" : random.nextBoolean() ? "\n" : "\r\n");
        }
        Path file = Files.writeString(directory.resolve("random.jsonl"), text);
        List<Integer> order = new ArrayList<>(IntStream.range(0, 1000).boxed().toList());
        Collections.shuffle(order, random);
        try (JsonLines lines = JsonLines.open(file)) {
            assertThat(lines.size()).isEqualTo(1000);
            order.stream()
                    .parallel()
                    .forEach(
                            i -> {
                                assertThat(lines.get(i)).containsExactly(entry(values.get(i)));
                                assertThat(lines.line(i)).isEqualTo(numbers.get(i));
                            });
        }
    }

    private static Map.Entry<String, Object> entry(String value) {
        return Map.entry("value", value);
    }

    @Test
    void moreThanTwoGibibytes() throws IOException {
        // a sparse file: the line in the middle is a record that is too long
        Path file = directory.resolve("large.jsonl");
        byte[] first = "{\"a\": 1}\n".getBytes(StandardCharsets.UTF_8);
        byte[] last = "\n\n{\"b\": 2}\n".getBytes(StandardCharsets.UTF_8);
        long offset = (1L << 31) + 5;
        try (RandomAccessFile writer = new RandomAccessFile(file.toFile(), "rw")) {
            writer.write(first);
            writer.seek(offset);
            writer.write(last);
        }
        try (JsonLines lines = JsonLines.open(file)) {
            assertThat(lines.size()).isEqualTo(3);
            assertThat(lines.get(0)).containsEntry("a", 1L);
            assertThat(lines.get(2)).containsEntry("b", 2L);
            assertThat(lines.line(2)).isEqualTo(4);
            assertThatThrownBy(() -> lines.get(1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("over the limit of 67108864");
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void linesThatAreNoRecords() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String line : List.of("{\"a\": 1", "[1]", "{} {}", "{\"a\": \"\\uD800x\"}")) {
            bytes.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        }
        bytes.write(new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}', '\n'});
        bytes.write(("[".repeat(80) + "]".repeat(80)).getBytes(StandardCharsets.UTF_8));
        Path file = Files.write(directory.resolve("bad.jsonl"), bytes.toByteArray());
        try (JsonLines lines = JsonLines.open(file)) {
            assertThat(lines.size()).isEqualTo(6);
            refused(lines, 0, "invalid JSON");
            refused(lines, 1, "not an object");
            refused(lines, 2, "invalid JSON: malformed JSON at column 5");
            refused(lines, 3, "Unpaired surrogate characters");
            refused(lines, 4, "not UTF-8");
            refused(lines, 5, "invalid JSON");
            assertThatThrownBy(() -> lines.get(6)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> lines.line(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static void refused(JsonLines lines, int index, String message) {
        assertThatThrownBy(() -> lines.get(index))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void filesWithoutRecords() throws IOException {
        for (String text : List.of("", "\uFEFF", "\n\n", " \r\n\t")) {
            Path file = Files.writeString(directory.resolve("empty.jsonl"), text);
            try (JsonLines lines = JsonLines.open(file)) {
                assertThat(lines.size()).isZero();
            }
        }
    }

    @Test
    void filesThatCannotBeRead() {
        assertThatThrownBy(() -> JsonLines.open(directory.resolve("absent.jsonl")))
                .isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> JsonLines.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("not a file but a directory");
    }

    @Test
    void aFileThatBecomesShorter() throws IOException {
        Path file = Files.writeString(directory.resolve("cut.jsonl"), "{\"a\": 1}\n{\"a\": 2}\n");
        try (JsonLines lines = JsonLines.open(file)) {
            Files.writeString(file, "{\"a\": 1}\n{");
            assertThat(lines.get(0)).containsEntry("a", 1L);
            assertThatThrownBy(() -> lines.get(1))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("become shorter");
        }
    }
}
