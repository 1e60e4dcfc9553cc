/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.examples.MistralCli;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral train} gives the losses of transformers, peft and trl. */
class TrainCommandTest {

    /** Relative; the recorded losses of float32 and float64 differ by 1e-6. */
    private static final double TOLERANCE = 1e-4;

    @TempDir Path directory;

    private Path output() {
        return directory.resolve("output");
    }

    private static Path recording(String name) {
        return Reference.directory("training/" + name);
    }

    private static JsonObject expected(String name) {
        return Reference.json(recording(name).resolve("expected.json"));
    }

    /** The arguments of a recording as options. */
    private List<String> options(String name) throws IOException {
        JsonObject recorded = expected(name);
        Path data = directory.resolve("data.jsonl");
        Files.write(
                data,
                recorded.getAsJsonArray("records").asList().stream()
                        .map(JsonElement::toString)
                        .toList());
        List<String> options = new ArrayList<>(List.of("train", "--json", "--no-shuffle"));
        options.add("--device=cpu");
        options.add("--data=" + data);
        options.add("--output=" + output());
        options.add("--model=" + Reference.directory(recorded.get("checkpoint").getAsString()));
        recorded.getAsJsonObject("arguments")
                .entrySet()
                .forEach(
                        argument -> {
                            if (!argument.getKey().startsWith("adam_")) { // those are the defaults
                                options.add(
                                        "--"
                                                + argument.getKey().replace('_', '-')
                                                + "="
                                                + argument.getValue().getAsString());
                            }
                        });
        return options;
    }

    private static Cli run(List<String> options, String... more) {
        return Cli.run(Stream.concat(options.stream(), Arrays.stream(more)).toArray(String[]::new));
    }

    private static void assertSteps(List<JsonObject> actual, JsonArray steps) {
        assertThat(actual).hasSameSizeAs(steps);
        for (int i = 0; i < steps.size(); ++i) {
            JsonObject step = steps.get(i).getAsJsonObject();
            assertThat(actual.get(i).keySet()).containsAll(step.keySet());
            for (Map.Entry<String, JsonElement> field : step.entrySet()) {
                double value = field.getValue().getAsDouble();
                assertThat(actual.get(i).get(field.getKey()).getAsDouble())
                        .as("%s of %s", field.getKey(), step)
                        .isCloseTo(value, within(TOLERANCE * Math.max(1, Math.abs(value))));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "sft, sft-lora",
        "sft, sft-lora-continued",
        "dpo, dpo-lora",
        "dpo, dpo-lora-continued",
        "sft, qlora-nf4",
        "sft, qlora-int4"
    })
    void adaptersHaveTheRecordedLosses(String method, String name) throws IOException {
        Cli cli =
                run(
                        options(name),
                        "--method=" + method,
                        "--adapter-init=" + recording(name).resolve("initial"));
        assertSteps(cli.jsonLines(), expected(name).getAsJsonArray("steps"));

        Map<String, Tensor> trained = Adapter.load(output()).tensors();
        Adapter.load(recording(name).resolve("final"))
                .tensors()
                .forEach((key, tensor) -> assertClose(trained.get(key), tensor));
        try (Stream<Path> files = Files.list(output())) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .contains("adapter_config.json", "adapter_model.safetensors", "loss.png");
        }
    }

    /** AdamW divides by the size of the gradient, which magnifies errors where it is tiny. */
    private static void assertClose(Tensor actual, Tensor expected) {
        float[] values = new float[(int) expected.elements()];
        expected.data().asFloatBuffer().get(values);
        float[] own = new float[values.length];
        Objects.requireNonNull(actual).data().asFloatBuffer().get(own);
        assertThat(own).as(expected.name()).containsExactly(values, within(1e-3f));
    }

    /** The adapter is used by the commands that compute; the logits are those of peft. */
    @Test
    void trainedAdapterIsUsed() throws IOException {
        run(options("sft-lora"), "--adapter-init=" + recording("sft-lora").resolve("initial"))
                .succeeds();
        Map<String, Tensor> recorded =
                Safetensors.read(recording("sft-lora").resolve("logits.safetensors"));
        Tensor ids = Objects.requireNonNull(recorded.get("input_ids"));
        long[] row = new long[(int) ids.elements()];
        ids.data().asLongBuffer().get(row);
        Path file = directory.resolve("logits.safetensors");
        Cli.run(
                        "logits",
                        "--device=cpu",
                        "--model=" + Reference.directory("checkpoints/window8-f32"),
                        "--adapter=" + output(),
                        "--ids="
                                + Arrays.stream(row)
                                        .mapToObj(Long::toString)
                                        .collect(Collectors.joining(",")),
                        "--output=" + file)
                .succeeds();
        Tensor logits = Objects.requireNonNull(Safetensors.read(file).get("logits"));
        float[] own = new float[(int) logits.elements()];
        logits.data().asFloatBuffer().get(own);
        Tensor theirs = Objects.requireNonNull(recorded.get("final.logits"));
        float[] values = new float[own.length];
        theirs.data().asFloatBuffer().get(values);
        assertThat(own).containsExactly(values, within(1e-2f)); // twelve steps of AdamW apart
    }

    @ParameterizedTest
    @CsvSource({"sft, sft-full", "sft, sft-full-tied", "dpo, dpo-full"})
    void allWeightsHaveTheRecordedLosses(String method, String name) throws IOException {
        assertSteps(
                run(options(name), "--full", "--method=" + method).jsonLines(),
                expected(name).getAsJsonArray("steps"));
        Map<String, Tensor> trained = Safetensors.read(output().resolve("model.safetensors"));
        Safetensors.read(recording(name).resolve("parameters.safetensors"))
                .forEach(
                        (parameter, tensor) -> {
                            if (trained.containsKey(parameter)) {
                                assertClose(trained.get(parameter), tensor);
                            }
                        });
        assertThat(
                        Cli.run("logits", "--json", "--ids=5,6,7", "--model=" + output())
                                .succeeds()
                                .out())
                .isNotEmpty();
    }

    /** The same losses whether training was interrupted or not. */
    @Test
    void resumeContinues() throws IOException {
        List<String> options = options("sft-lora");
        options.add("--adapter-init=" + recording("sft-lora").resolve("initial"));
        options.add("--save-steps=5");
        List<JsonObject> whole = run(options).jsonLines();
        Path before = directory.resolve("before");
        Files.createDirectory(before);
        Path checkpoint = before.resolve("checkpoint-5");
        Files.move(output().resolve("checkpoint-5"), checkpoint);

        options.replaceAll(
                option -> option.startsWith("--output=") ? "--output=" + before : option);
        assertThat(run(options, "--resume").jsonLines()).isEqualTo(whole.subList(5, 12));
        assertThat(Files.readAllBytes(before.resolve("adapter_model.safetensors")))
                .isEqualTo(Files.readAllBytes(output().resolve("adapter_model.safetensors")));
    }

    /** Ctrl-C interrupts the thread that trains. */
    @Test
    void interruptionSavesACheckpoint() throws IOException {
        List<String> options = options("sft-lora");
        options.add("--adapter-init=" + recording("sft-lora").resolve("initial"));
        StringWriter out =
                new StringWriter() {
                    @Override
                    public void write(String text, int from, int length) {
                        super.write(text, from, length);
                        if (text.startsWith("{\"step\":3,")) {
                            Thread.currentThread().interrupt();
                        }
                    }
                };
        StringWriter err = new StringWriter();
        int exitCode =
                MistralCli.commandLine()
                        .setOut(new PrintWriter(out))
                        .setErr(new PrintWriter(err, true))
                        .execute(options.toArray(String[]::new));
        assertThat(Thread.interrupted()).isFalse();
        assertThat(exitCode).as(err.toString()).isEqualTo(1);
        assertThat(err.toString()).contains("interrupted after step", "--resume");
        assertThat(output().resolve("adapter_config.json")).doesNotExist();
        int done = (int) out.toString().lines().count();
        assertThat(done).isBetween(3, 4);

        JsonArray steps = expected("sft-lora").getAsJsonArray("steps");
        for (int i = 0; i < done; ++i) {
            steps.remove(0);
        }
        assertSteps(run(options, "--resume").jsonLines(), steps);
        assertThat(output().resolve("adapter_config.json")).exists();
    }

    @Test
    void interruptionBeforeTheFirstStepWritesNothing() throws IOException {
        List<String> options = options("sft-lora");
        Thread.currentThread().interrupt();
        Cli cli = run(options);
        assertThat(Thread.interrupted()).isFalse();
        assertThat(cli.exitCode()).isEqualTo(1);
        assertThat(cli.err()).contains("interrupted");
        assertThat(output().resolve("adapter_config.json")).doesNotExist();
    }

    @Test
    void recordsThatCannotBeUsedAreNamed() throws IOException {
        List<String> options = options("sft-lora");
        Path data = directory.resolve("data.jsonl");
        List<String> records = new ArrayList<>(Files.readAllLines(data));
        records.add(1, "no json");
        records.add(3, "{\"input_ids\": [1, 2], \"labels\": [1]}");
        Files.write(data, records);
        Cli cli = run(options, "--adapter-init=" + recording("sft-lora").resolve("initial"));
        assertSteps(cli.jsonLines(), expected("sft-lora").getAsJsonArray("steps"));
        assertThat(cli.err()).contains("2 records are skipped", "line 2", "line 4");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--packing", "--method=lm", "--gradient-checkpointing"})
    void otherWaysToTrain(String option) throws IOException {
        List<JsonObject> lines =
                run(
                                options("sft-lora"),
                                option,
                                "--eval=" + directory.resolve("data.jsonl"),
                                "--eval-on-start",
                                "--max-length=16")
                        .jsonLines();
        JsonObject first = lines.get(0);
        JsonObject last = lines.get(lines.size() - 1);
        assertThat(first.get("step").getAsInt()).isZero();
        assertThat(last.get("step").getAsInt()).isEqualTo(12);
        assertThat(last.get("eval_loss").getAsDouble())
                .isLessThan(first.get("eval_loss").getAsDouble());
    }

    @Test
    void lossesAreDrawn() throws IOException {
        Cli cli = run(options("sft-lora"));
        cli.succeeds();
        assertThat(cli.err()).contains("loss.png");
        assertThat(Files.size(output().resolve("loss.png"))).isGreaterThan(5000);
        assertThat(Files.readString(output().resolve("loss.svg")))
                .contains("<svg", "<path", "</svg>");
    }

    @Test
    void recipeHasTheArguments() throws IOException {
        List<String> options = options("sft-lora");
        options.removeIf(option -> option.matches("--(learning-rate|max-steps|warmup-ratio)=.*"));
        Path recipe = directory.resolve("recipe.yaml");
        Files.writeString(
                recipe, "use_peft: true\nlearning_rate: 0.01\nmax_steps: 12\nwarmup_ratio: 0.25\n");
        options.add("--recipe=" + recipe);
        options.add("--adapter-init=" + recording("sft-lora").resolve("initial"));
        assertSteps(run(options).jsonLines(), expected("sft-lora").getAsJsonArray("steps"));
    }

    @Test
    void wrongOptionsAreExplained() throws IOException {
        List<String> options = options("sft-lora");
        assertThat(run(options, "--method=ppo").fault(2)).contains("ppo", "sft", "dpo");
        assertThat(run(options, "--full", "--lora-r=4").fault(2)).contains("--full");
        assertThat(run(options, "--full", "--quantization=nf4").fault(2)).contains("quantized");
        assertThat(run(options, "--eval=no.jsonl").fault(2)).contains("no.jsonl");
        assertThat(run(options, "--eval-on-start").fault(2)).contains("--eval");
        assertThat(run(options, "--lora-target-modules=x_proj").fault(1)).contains("x_proj");
        assertThat(run(options, "--optim=sgd").fault(1)).contains("sgd", "adamw_torch");
        assertThat(run(options, "--method=dpo", "--beta=0").fault(1)).contains("beta");
        assertThat(run(options, "--method=dpo").fault(1)).contains("data.jsonl");
        assertThat(output()).doesNotExist();
        Files.createDirectory(output());
        Files.writeString(output().resolve("mine"), "x");
        assertThat(run(options).fault(2)).contains("not empty", "--resume");
        assertThat(run(options, "--resume").fault(2)).contains("no checkpoint");
    }
}
