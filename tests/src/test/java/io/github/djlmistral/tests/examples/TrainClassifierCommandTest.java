/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral train --method classify}. */
class TrainClassifierCommandTest {

    @TempDir Path directory;

    private Path output() {
        return directory.resolve("output");
    }

    private Path data(List<String> records) throws IOException {
        return Files.write(directory.resolve("data.jsonl"), records);
    }

    private Cli train(Path data, String... options) {
        return Cli.run(
                Stream.concat(
                                Stream.of(
                                        "train",
                                        "--method=classify",
                                        "--json",
                                        "--no-shuffle",
                                        "--device=cpu",
                                        "--data=" + data,
                                        "--output=" + output()),
                                Stream.of(options))
                        .toArray(String[]::new));
    }

    /** A training, and one that is resumed after four steps. */
    @ParameterizedTest
    @ValueSource(strings = {"classification-single-label", "classification-multi-label"})
    void recordedLosses(String name) throws IOException {
        JsonObject recorded =
                Reference.json(Reference.directory("training/" + name).resolve("expected.json"));
        Path data =
                data(
                        recorded.getAsJsonArray("records").asList().stream()
                                .map(JsonElement::toString)
                                .toList());
        Path checkpoint = Reference.directory(recorded.get("checkpoint").getAsString());
        List<String> options = new ArrayList<>(List.of("--model=" + checkpoint, "--save-steps=4"));
        JsonObject arguments = recorded.getAsJsonObject("arguments");
        for (String argument : arguments.keySet()) {
            if (!argument.startsWith("adam_")) { // those are the defaults
                options.add(
                        "--"
                                + argument.replace('_', '-')
                                + "="
                                + arguments.get(argument).getAsString());
            }
        }
        List<JsonObject> steps = train(data, options.toArray(String[]::new)).jsonLines();
        JsonArray expected = recorded.getAsJsonArray("steps");
        assertThat(steps).hasSameSizeAs(expected);
        for (int i = 0; i < steps.size(); ++i) {
            for (String key : List.of("step", "loss", "grad_norm", "learning_rate")) {
                double value = expected.get(i).getAsJsonObject().get(key).getAsDouble();
                assertThat(steps.get(i).get(key).getAsDouble())
                        .as("%s of step %s", key, i + 1)
                        .isCloseTo(value, within(1e-4 * Math.abs(value)));
            }
            assertThat(steps.get(i).get("accuracy").getAsDouble()).isBetween(0.0, 1.0);
        }
        assertThat(MistralConfig.read(output()).labels())
                .isEqualTo(MistralConfig.read(checkpoint).labels());

        Files.delete(output().resolve("config.json"));
        Path before = directory.resolve("before");
        Files.createDirectory(before);
        Files.move(output().resolve("checkpoint-4"), before.resolve("checkpoint-4"));
        options.add("--output=" + before);
        options.add("--resume");
        options.add("--json");
        List<String> resumed =
                new ArrayList<>(
                        List.of("train", "--method=classify", "--no-shuffle", "--device=cpu"));
        resumed.add("--data=" + data);
        resumed.addAll(options);
        assertThat(Cli.run(resumed.toArray(String[]::new)).jsonLines())
                .isEqualTo(steps.subList(4, 6));
    }

    /** A new head on the embedded model, which 'mistral classify' then runs. */
    @Test
    void newHead() throws IOException {
        List<String> records = new ArrayList<>();
        for (String word : List.of("cat", "dog", "bread", "cheese")) {
            String label = word.length() == 3 ? "animal" : "food";
            records.add("{\"text\": \"" + word + "\", \"label\": \"" + label + "\"}");
        }
        records.add("{\"text\": \"stone\"}");
        Path data = data(records);
        Cli cli =
                train(
                        data,
                        "--freeze-backbone",
                        "--learning-rate=0.05",
                        "--max-steps=8",
                        "--per-device-train-batch-size=4",
                        "--eval=" + data,
                        "--eval-on-start");
        List<JsonObject> lines = cli.jsonLines();
        JsonObject first = lines.get(0);
        JsonObject last = lines.get(lines.size() - 1);
        assertThat(first.get("step").getAsInt()).isZero();
        assertThat(last.get("step").getAsInt()).isEqualTo(8);
        assertThat(last.get("eval_loss").getAsDouble())
                .isLessThan(first.get("eval_loss").getAsDouble());
        assertThat(last.get("eval_accuracy").getAsDouble()).isEqualTo(1);
        assertThat(cli.err()).contains("1 records are skipped", "line 5", "\"label\" is missing");

        MistralConfig config = MistralConfig.read(output());
        assertThat(config.architecture()).isEqualTo("MistralForSequenceClassification");
        assertThat(config.labels().names()).containsExactly("animal", "food");
        assertThat(config.labels().problemType())
                .isEqualTo(ProblemType.SINGLE_LABEL_CLASSIFICATION);
        assertThat(Cli.run("classify", "--model=" + output(), "--json", "cheese").succeeds().out())
                .contains("\"label\":\"food\"");
    }

    /** The adapter brings the head and the names of the classes to the model without one. */
    @Test
    void adapter() throws IOException {
        List<String> records = new ArrayList<>();
        for (String word : List.of("cat", "dog", "bread", "cheese")) {
            String label = word.length() == 3 ? "animal" : "food";
            records.add("{\"text\": \"" + word + "\", \"label\": \"" + label + "\"}");
        }
        Path data = data(records);
        String[] options = {
            "--lora-r=4", "--learning-rate=0.02", "--max-steps=6", "--per-device-train-batch-size=4"
        };
        List<JsonObject> lines = train(data, options).jsonLines();
        assertThat(lines.get(5).get("loss").getAsDouble())
                .isLessThan(lines.get(0).get("loss").getAsDouble() / 2);
        assertThat(
                        Cli.run("classify", "--adapter=" + output(), "--json", "cheese")
                                .succeeds()
                                .out())
                .contains("\"label\":\"food\"");
        assertThat(Cli.run("generate", "--adapter=" + output(), "cheese").fault(1))
                .contains("MistralForSequenceClassification");

        Path first = Files.move(output(), directory.resolve("first"));
        List<JsonObject> more =
                train(data, "--adapter-init=" + first, "--max-steps=1", "--learning-rate=0")
                        .jsonLines();
        assertThat(more.get(0).get("loss").getAsDouble())
                .isLessThan(lines.get(0).get("loss").getAsDouble() / 2);
    }

    @Test
    void wrongOptionsAreExplained() throws IOException {
        Path data = data(List.of("{\"input_ids\": [5], \"label\": \"sea\"}"));
        String base = "--model=" + Reference.directory("checkpoints/window8-f32");
        String head = "--model=" + Reference.directory("heads/single-label");
        assertThat(train(data, base).fault(1)).contains("its labels have one class only");
        assertThat(train(data, base, "--lora-r=4", "--freeze-backbone").fault(2))
                .contains("omit one");
        assertThat(train(data, base, "--full", "--freeze-backbone").fault(2)).contains("omit one");
        assertThat(train(data, base, "--quantization=nf4").fault(2)).contains("quantized");
        assertThat(train(data, base, "--label-smoothing-factor=0.1").fault(2)).contains("sft");
        assertThat(train(data, head, "--labels=a,b").fault(2)).contains("omit them");
        assertThat(train(data, head).fault(1)).contains("one of [bad, fair, good]");
        assertThat(train(data, "--model=" + Reference.directory("heads/question")).fault(1))
                .contains("MistralForQuestionAnswering");
        assertThat(train(data, base, "--method=sft", "--labels=a,b").fault(2)).contains("--method");
    }
}
