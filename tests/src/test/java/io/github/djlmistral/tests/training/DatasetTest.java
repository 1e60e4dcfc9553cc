/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.LabeledSequence;
import io.github.djlmistral.zoo.training.BadRecordException;
import io.github.djlmistral.zoo.training.BlockDataset;
import io.github.djlmistral.zoo.training.ClassificationRecordReader;
import io.github.djlmistral.zoo.training.JsonlDataset;
import io.github.djlmistral.zoo.training.JsonlDataset.OnBadRecord;
import io.github.djlmistral.zoo.training.PackedDataset;
import io.github.djlmistral.zoo.training.SftOptions;
import io.github.djlmistral.zoo.training.SftRecordReader;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data sets of sequences, rows, blocks and classified texts. */
class DatasetTest {

    private static final TrainingRecords RECORDS = new TrainingRecords();
    private static final TrainingTokenizer IDS = new TrainingTokenizer(null, null, 1000);
    private static final SftOptions UNLIMITED = SftOptions.DEFAULT.withMaxLength(Integer.MAX_VALUE);

    @TempDir Path directory;

    @AfterAll
    static void close() {
        RECORDS.close();
    }

    @Test
    void badRecordsAreCountedAndNamed() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 30; i++) {
            text.append(i % 10 == 3 ? "{\"input_ids\": [1, " + i + "]}\n" : "{}\n\n");
        }
        Path file = Files.writeString(directory.resolve("some.jsonl"), text);
        try (JsonlDataset<TrainingSequence> data = open(file, OnBadRecord.SKIP)) {
            assertThat(data.size()).isEqualTo(3);
            assertThat(data.totalTokens()).isEqualTo(6);
            assertThat(data.get(1).ids()).containsExactly(1, 13);
            assertThat(data.name(1)).isEqualTo(file + ", line 26");
            assertThat(data.tokens(1)).isEqualTo(2);
            assertThat(data.skipped().count()).isEqualTo(27);
            assertThat(data.skipped().first()).hasSize(20);
            assertThat(data.skipped().first().get(1).line()).isEqualTo(3);
            assertThat(data.skipped().toString().lines())
                    .hasSize(21)
                    .startsWith(
                            "  line 1: its keys are [], must be \"text\", \"messages\","
                                    + " \"prompt\" and \"completion\", or \"input_ids\" and"
                                    + " \"labels\"")
                    .endsWith("  and 7 more");
            assertThat(data.warnings().count()).isZero();
            assertThat(data.warnings()).hasToString("");
            assertThatThrownBy(() -> data.get(3)).isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThatThrownBy(() -> open(file, OnBadRecord.FAIL))
                .isInstanceOfSatisfying(
                        BadRecordException.class, e -> assertThat(e.line()).isEqualTo(1))
                .hasMessageStartingWith(file + ", line 1: its keys are");
    }

    @Test
    void filesWithoutUsableRecords() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.jsonl"), "\n");
        assertThatThrownBy(() -> open(empty, OnBadRecord.SKIP))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(empty + ": it has no records");
        Path bad = Files.writeString(directory.resolve("bad.jsonl"), "{}\n{\n");
        assertThatThrownBy(() -> open(bad, OnBadRecord.SKIP))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("none of its records", "line 1: its keys", "line 2: inv");
    }

    @Test
    void warningsAreCountedOnce() throws IOException {
        Path file =
                Files.writeString(
                        directory.resolve("warned.jsonl"),
                        "{\"prompt\": \"a \", \"completion\": \"lamp\"}\n");
        SftRecordReader reader =
                new SftRecordReader(RECORDS.tokenizer("canonical", null), SftOptions.DEFAULT);
        try (JsonlDataset<TrainingSequence> data =
                JsonlDataset.open(file, reader, OnBadRecord.FAIL)) {
            data.get(0);
            assertThat(data.warnings().count()).isEqualTo(1);
            assertThat(data.warnings().toString()).startsWith("  line 1: the prompt's tokens");
        }
    }

    @Test
    void aRecordThatChangesIsNamed() throws IOException {
        Path file =
                Files.writeString(directory.resolve("changed.jsonl"), "{\"input_ids\": [1, 2]}");
        try (JsonlDataset<TrainingSequence> data = open(file, OnBadRecord.FAIL)) {
            Files.writeString(file, "{\"output_ids\": [1]}  ");
            assertThatThrownBy(() -> data.get(0))
                    .isInstanceOf(BadRecordException.class)
                    .hasMessageContaining("changed.jsonl, line 1: its keys are [output_ids]");
        }
    }

    @Test
    void openingCanBeInterrupted() throws IOException {
        Path file = Files.writeString(directory.resolve("some.jsonl"), "{\"input_ids\": [1, 2]}");
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> open(file, OnBadRecord.SKIP))
                    .isInstanceOf(CancellationException.class);
        } finally {
            Thread.interrupted();
        }
        try (JsonlDataset<TrainingSequence> data = open(file, OnBadRecord.SKIP)) {
            assertThat(data.size()).isEqualTo(1);
        }
    }

    @Test
    void rowsOfTrl() throws IOException {
        for (JsonObject c : TrainingRecords.cases("packing")) {
            int[] lengths = ints(c.get("lengths"));
            int maxLength = c.get("max_length").getAsInt();
            Path file = directory.resolve("packed.jsonl");
            Files.write(file, Arrays.stream(lengths).mapToObj(DatasetTest::record).toList());
            try (JsonlDataset<TrainingSequence> data = open(file, OnBadRecord.FAIL)) {
                PackedDataset packed = new PackedDataset(data, maxLength);
                List<int[]> rows =
                        IntStream.range(0, packed.size()).mapToObj(packed::examples).toList();
                List<int[]> expected =
                        c.getAsJsonArray("rows").asList().stream().map(DatasetTest::ints).toList();
                assertThat(rows).usingRecursiveComparison().isEqualTo(expected);
                // nothing is lost, and no row is too long
                assertThat(rows.stream().flatMapToInt(Arrays::stream).sorted())
                        .containsExactlyElementsOf(
                                IntStream.range(0, lengths.length).boxed().toList());
                for (int i = 0; i < packed.size(); i++) {
                    List<TrainingSequence> row = packed.get(i);
                    assertThat(row.stream().mapToInt(s -> s.ids().length).sum())
                            .isBetween(1, maxLength);
                    assertThat(row.get(0).ids()).hasSize(lengths[rows.get(i)[0]]);
                }
                assertThat(packed.name(0)).startsWith(file + ", line " + (rows.get(0)[0] + 1));
            }
        }
    }

    private static String record(int length) {
        return "{\"input_ids\": " + IntStream.range(0, length).boxed().toList() + "}";
    }

    @Test
    void sequencesLongerThanARow() throws IOException {
        Path file = Files.writeString(directory.resolve("long.jsonl"), record(9));
        try (JsonlDataset<TrainingSequence> data = open(file, OnBadRecord.FAIL)) {
            assertThatThrownBy(() -> new PackedDataset(data, 8))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("long.jsonl, line 1 has 9 tokens", "a row, 8");
        }
    }

    @Test
    void blocksOfTransformers() throws IOException {
        for (JsonObject c : TrainingRecords.cases("blocks")) {
            Path file = directory.resolve("texts.jsonl");
            Files.write(
                    file,
                    c.getAsJsonArray("texts").asList().stream()
                            .map(text -> "{\"text\": " + text + "}")
                            .toList());
            SftRecordReader reader = new SftRecordReader(RECORDS.tokenizer(c), UNLIMITED);
            int size = c.get("block_size").getAsInt();
            try (JsonlDataset<TrainingSequence> data =
                    JsonlDataset.open(file, reader, OnBadRecord.FAIL)) {
                BlockDataset blocks = new BlockDataset(data, size);
                List<JsonElement> expected = c.getAsJsonArray("blocks").asList();
                assertThat(blocks.size()).isEqualTo(expected.size()).isGreaterThan(10);
                for (int i = blocks.size() - 1; i >= 0; i--) { // in another order
                    long[] ids = TrainingRecords.ids(expected.get(i));
                    assertThat(blocks.get(i).ids()).isEqualTo(ids);
                    assertThat(blocks.get(i).labels()).isEqualTo(ids);
                }
                assertThat(blocks.name(0)).isEqualTo(file + ", line 1");
                assertThatThrownBy(() -> new BlockDataset(data, 1 << 20))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("fewer than a block of 1048576");
                assertThatThrownBy(() -> new BlockDataset(data, 1))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("block_size is 1, must be at least 2");
            }
        }
    }

    @Test
    void classifiedTexts() {
        LabelConfig labels = new LabelConfig(List.of("sea", "land"), null);
        for (JsonObject c : TrainingRecords.cases("classification")) {
            ClassificationRecordReader reader =
                    new ClassificationRecordReader(
                            RECORDS.tokenizer(c), labels, c.get("max_length").getAsInt());
            JsonObject record = new JsonObject();
            record.add("text", c.get("text"));
            record.addProperty("label", "land");
            LabeledSequence text = reader.read(TrainingRecords.fields(record), warning -> {});
            assertThat(text.ids()).isEqualTo(TrainingRecords.ids(c.get("input_ids")));
            assertThat(text.targets()).containsExactly(0, 1);
            assertThat(reader.tokens(text)).isEqualTo(text.ids().length);
        }
        ClassificationRecordReader reader =
                new ClassificationRecordReader(RECORDS.tokenizer("legacy", null), labels, 8);
        assertThat(labeled(reader, "{'text': 'a', 'label': 0}").targets()).containsExactly(1, 0);
        assertThat(labeled(reader, "{'input_ids': [7, 8], 'labels': 1}").ids())
                .containsExactly(7, 8);
        for (String label : List.of("2", "-1", "1.0", "'lake'", "null", "true")) {
            assertThatThrownBy(() -> labeled(reader, "{'text': 'a', 'label': " + label + "}"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("\"label\" is ")
                    .hasMessageEndingWith("must be one of [sea, land] or an index from 0 to 1");
        }
        assertThatThrownBy(() -> labeled(reader, "{'text': '', 'label': 0}"))
                .hasMessage("\"text\" is empty");
        assertThatThrownBy(() -> labeled(reader, "{'label': 0}"))
                .hasMessage("\"text\" is missing, must be a text");
        assertThatThrownBy(() -> new ClassificationRecordReader(IDS, labels, 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void textsOfSeveralClasses() {
        LabelConfig labels =
                new LabelConfig(
                        List.of("sea", "land", "ship"), ProblemType.MULTI_LABEL_CLASSIFICATION);
        ClassificationRecordReader reader =
                new ClassificationRecordReader(RECORDS.tokenizer("legacy", null), labels, 8);
        for (String label : List.of("['ship', 'sea']", "[1, 0, 1.0]")) {
            assertThat(labeled(reader, "{'text': 'a', 'labels': " + label + "}").targets())
                    .containsExactly(1, 0, 1);
        }
        assertThat(labeled(reader, "{'text': 'a', 'label': []}").targets())
                .containsExactly(0, 0, 0);
        assertThatThrownBy(() -> labeled(reader, "{'text': 'a', 'labels': [1, 0]}"))
                .hasMessage("\"labels\" is a list, must be 3 numbers");
        assertThatThrownBy(() -> labeled(reader, "{'text': 'a', 'labels': [1, 0, 2]}"))
                .hasMessage("\"labels\" is a list, must be numbers from 0 to 1");
        assertThatThrownBy(() -> labeled(reader, "{'text': 'a', 'label': 'sea'}"))
                .hasMessage("\"label\" is \"sea\", must be a list of classes");
    }

    @Test
    void collectedLabels() throws IOException {
        assertThat(labels("{'label': 'sea'}", "no JSON", "{'label': 'land'}", "{'label': 'sea'}"))
                .isEqualTo(
                        new LabelConfig(
                                List.of("land", "sea"), ProblemType.SINGLE_LABEL_CLASSIFICATION));
        assertThat(labels("{'label': 2}", "{'label': 0}").names())
                .containsExactly("LABEL_0", "LABEL_1", "LABEL_2");
        assertThat(labels("{'labels': ['b', 'a']}", "{'labels': []}"))
                .isEqualTo(
                        new LabelConfig(List.of("a", "b"), ProblemType.MULTI_LABEL_CLASSIFICATION));
        assertThatThrownBy(() -> labels("{'label': 'sea'}", "{'label': 1}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("some labels are names and some numbers");
        assertThatThrownBy(() -> labels("{'label': 'sea'}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("its labels have one class only");
    }

    private LabelConfig labels(String... lines) throws IOException {
        Path file = directory.resolve("labels.jsonl");
        Files.writeString(file, String.join("\n", lines).replace("'", "\""));
        return ClassificationRecordReader.labels(file);
    }

    private static LabeledSequence labeled(ClassificationRecordReader reader, String record) {
        JsonElement json = JsonParser.parseString(record.replace("'", "\""));
        return reader.read(TrainingRecords.fields(json), warning -> {});
    }

    private static int[] ints(JsonElement list) {
        return list.getAsJsonArray().asList().stream().mapToInt(JsonElement::getAsInt).toArray();
    }

    private static JsonlDataset<TrainingSequence> open(Path file, OnBadRecord onBadRecord)
            throws IOException {
        return JsonlDataset.open(file, new SftRecordReader(IDS, UNLIMITED), onBadRecord);
    }
}
