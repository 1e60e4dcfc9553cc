/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code mistral logits} writes the reference's tensors under its names. */
class LogitsCommandTest {

    private static final Path MODEL = Reference.directory("checkpoints/window8-f32");

    @TempDir Path directory;
    private Path file;
    private Map<String, Tensor> expected;

    @BeforeEach
    void read() throws IOException {
        file = directory.resolve("logits.safetensors");
        expected = Safetensors.read(MODEL.resolve("expected.safetensors"));
    }

    /** A recorded integer array in the command line's syntax. */
    private String rows(String name) {
        Tensor tensor = Objects.requireNonNull(expected.get(name));
        LongBuffer numbers = tensor.data().asLongBuffer();
        int width = (int) tensor.shape()[1];
        StringJoiner rows = new StringJoiner(";");
        while (numbers.hasRemaining()) {
            StringJoiner row = new StringJoiner(",");
            for (int i = 0; i < width; ++i) {
                row.add(Long.toString(numbers.get()));
            }
            rows.add(row.toString());
        }
        return rows.toString();
    }

    /** Other heads: their own outputs, and positions from 0 on whatever the mask. */
    @ParameterizedTest
    @CsvSource({
        "single-label, row, logits",
        "single-label, left, logits",
        "token, row, logits",
        "question, row, start_logits",
        "question, row, end_logits",
        "embedding, row, last_hidden_state",
        "bidirectional, row, last_hidden_state"
    })
    void otherHeads(String head, String batch, String output) throws IOException {
        Path model = Reference.directory("heads/" + head);
        expected = Safetensors.read(model.resolve("expected.safetensors"));
        Cli.run(
                        "logits",
                        "--model=" + model,
                        "--output=" + file,
                        "--dtype=float32",
                        "--ids=" + rows(batch + ".input_ids"),
                        "--mask=" + rows(batch + ".attention_mask"))
                .succeeds();
        Tensor actual = Objects.requireNonNull(Safetensors.read(file).get(output));
        assertClose(actual, batch + "." + output);
    }

    private Map<String, Tensor> logits(String... arguments) throws IOException {
        String[] all = new String[arguments.length + 4];
        all[0] = "logits";
        all[1] = "--model=" + MODEL;
        all[2] = "--output=" + file;
        all[3] = "--dtype=float32";
        System.arraycopy(arguments, 0, all, 4, arguments.length);
        Cli.run(all).succeeds();
        return Safetensors.read(file);
    }

    private void assertClose(Tensor actual, String name) {
        Tensor wanted = Objects.requireNonNull(expected.get(name));
        assertThat(actual.shape()).isEqualTo(wanted.shape());
        FloatBuffer a = actual.data().asFloatBuffer();
        FloatBuffer b = wanted.data().asFloatBuffer();
        while (b.hasRemaining()) {
            assertThat(a.get()).isCloseTo(b.get(), within(1e-4f));
        }
    }

    @Test
    void oneRowWithHiddenStatesAndAttentions() throws IOException {
        Map<String, Tensor> actual =
                logits("--ids=" + rows("single.input_ids"), "--hidden-states", "--attentions");

        assertThat(actual)
                .containsOnlyKeys(
                        "input_ids",
                        "logits",
                        "hidden_states.0",
                        "hidden_states.1",
                        "hidden_states.2",
                        "hidden_states.3",
                        "attentions.0",
                        "attentions.1",
                        "attentions.2");
        actual.forEach(
                (name, tensor) -> {
                    if (!name.equals("input_ids")) {
                        assertClose(tensor, "single." + name);
                    }
                });
    }

    @Test
    void leftPaddedRowsGetTheReferencesPositions() throws IOException {
        Map<String, Tensor> actual =
                logits(
                        "--ids=" + rows("batch.input_ids"),
                        "--mask=" + rows("batch.attention_mask"),
                        "--last=1");

        for (String name : new String[] {"input_ids", "attention_mask", "position_ids"}) {
            assertThat(actual.get(name))
                    .isEqualTo(Objects.requireNonNull(expected.get("batch." + name)).renamed(name));
        }
        Tensor last = Objects.requireNonNull(actual.get("logits"));
        assertThat(last.shape()).containsExactly(3, 1, 99);
        FloatBuffer all = expected.get("batch.logits").data().asFloatBuffer();
        for (int row = 0; row < 3; ++row) {
            for (int id = 0; id < 99; ++id) {
                assertThat(last.data().asFloatBuffer().get(row * 99 + id))
                        .isCloseTo(all.get((row * 13 + 12) * 99 + id), within(1e-4f));
            }
        }
    }

    @Test
    void jsonNamesFileShapesAndLikeliestTokens() {
        var json =
                Cli.run("logits", "--model=" + MODEL, "--ids=5,6;7,8", "--output=" + file, "--json")
                        .json();
        assertThat(json.get("output").getAsString()).isEqualTo(file.toString());
        assertThat(json.getAsJsonObject("tensors").get("logits").toString()).isEqualTo("[2,2,99]");
        assertThat(json.getAsJsonArray("top")).hasSize(2);
        assertThat(json.getAsJsonArray("top").get(1).getAsJsonArray()).hasSize(5);
    }

    @Test
    void theDirectoryOfTheOutputMustBeThere() {
        Path missing = directory.resolve("missing/logits.safetensors");
        assertThat(Cli.run("logits", "--model=" + MODEL, "--ids=5", "--output=" + missing).fault(2))
                .contains("--output", "no directory");
    }

    @Test
    void rowsOfDifferentLengthNeedAMask() {
        assertThat(Cli.run("logits", "--model=" + MODEL, "--ids=5,6;7").fault(2))
                .contains("--ids", "--mask");
    }

    @Test
    void idsMustBeInTheVocabulary() {
        assertThat(Cli.run("logits", "--model=" + MODEL, "--ids=-1").fault(1)).contains("0 to 98");
    }
}
