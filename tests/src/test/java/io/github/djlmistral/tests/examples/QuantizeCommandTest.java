/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral quantize}, and {@code --quantization} of the commands that load. */
class QuantizeCommandTest {

    private static final String QUESTION = "What is a lighthouse?";

    @TempDir Path directory;

    private Path out() {
        return directory.resolve("new/model");
    }

    private JsonObject quantize(String source, String method) {
        return Cli.run("quantize", "--json", "--method=" + method, source, out().toString()).json();
    }

    private static JsonArray tokens(String... options) {
        List<String> arguments =
                new ArrayList<>(List.of("generate", "--json", "--max-new-tokens=16", QUESTION));
        arguments.addAll(List.of(options));
        return Cli.run(arguments.toArray(String[]::new)).json().getAsJsonArray("ids");
    }

    private static List<String> files(Path directory) throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** Reported sizes are those of the file; the result equals quantization at load time. */
    @ParameterizedTest
    @CsvSource({"int4, 5.53, 0.0775", "int4-g32-sym-head4, 4.5, 0.0834", "nf4-double, 4.22, 0.092"})
    void outputLoadsAndAnswers(String method, double bits, double error) throws Exception {
        JsonObject json = quantize(Mistral.DEFAULT_MODEL, method);
        assertThat(json.get("quantization").getAsString()).startsWith(method);
        assertThat(json.get("bits_per_quantized_weight").getAsDouble())
                .isCloseTo(bits, within(0.01));
        assertThat(json.get("relative_error").getAsDouble()).isCloseTo(error, within(0.001));
        long bytes =
                Safetensors.read(out().resolve("model.safetensors")).values().stream()
                        .mapToLong(tensor -> tensor.data().remaining())
                        .sum();
        assertThat(json.get("bytes_after").getAsLong()).isEqualTo(bytes);
        assertThat(json.get("bytes_before").getAsLong()).isGreaterThan(bytes * 17 / 10);
        assertThat(files(out()))
                .contains("config.json", "tokenizer.json", "generation_config.json")
                .noneMatch(name -> name.startsWith("."));
        assertThat(files(out().getParent())).containsExactly("model");

        // rounding does not change an answer that the model has memorized
        assertThat(tokens("--model=" + out()))
                .isEqualTo(tokens("--quantization=" + method))
                .hasSize(16);
        JsonObject weights =
                Cli.run("info", "--json", "--model=" + out()).json().getAsJsonObject("weights");
        assertThat(weights.getAsJsonObject("tensors").toString()).contains(method.substring(0, 3));
    }

    /** Aligned tensors can be read in place by native code. */
    @ParameterizedTest
    @ValueSource(strings = {"int4", "nf4", "nf4-double"})
    void tensorsAreAligned(String method) throws Exception {
        quantize(Mistral.DEFAULT_MODEL, method);
        long end = 0;
        for (Tensor tensor : Safetensors.read(out().resolve("model.safetensors")).values()) {
            assertThat(end % tensor.dtype().bytes()).as(tensor.name()).isZero();
            end += tensor.data().remaining();
        }
    }

    /** Existing keys keep their order; quantization_config is appended. */
    @Test
    void configurationSaysHowItIsQuantized() throws Exception {
        String source = Reference.directory("checkpoints/window4-bf16").toString();
        quantize(source, "int4-g32-head16");
        JsonObject before = Reference.json(Path.of(source, "config.json"));
        JsonObject after = Reference.json(out().resolve("config.json"));
        assertThat(after.remove("quantization_config").toString())
                .isEqualTo(
                        "{\"quant_method\":\"int4\",\"bits\":4,\"group_size\":32,"
                                + "\"symmetric\":false}");
        assertThat(after.toString()).isEqualTo(before.toString());
    }

    @Test
    void configurationOfNf4IsThatOfTransformers() throws Exception {
        String source = Reference.directory("checkpoints/window4-bf16").toString();
        quantize(source, "nf4-double");
        JsonObject config =
                Reference.json(out().resolve("config.json")).getAsJsonObject("quantization_config");
        assertThat(config.get("quant_method").getAsString()).isEqualTo("bitsandbytes");
        assertThat(config.get("load_in_4bit").getAsBoolean()).isTrue();
        assertThat(config.get("bnb_4bit_quant_type").getAsString()).isEqualTo("nf4");
        assertThat(config.get("bnb_4bit_use_double_quant").getAsBoolean()).isTrue();
        assertThat(config.get("bnb_4bit_compute_dtype").getAsString()).isEqualTo("bfloat16");
    }

    /**
     * Without an output layer of their own, in shards; in Mistral's layout, without config.json.
     */
    @ParameterizedTest
    @ValueSource(strings = {"nowindow-tied-sharded", "consolidated"})
    void otherCheckpointLayoutsLoad(String name) throws Exception {
        String source = Reference.directory("checkpoints/" + name).toString();
        quantize(source, "nf4");
        MistralCheckpoint plain = MistralCheckpoint.open(Path.of(source));
        MistralCheckpoint made = MistralCheckpoint.open(out());
        assertThat(made.config().hiddenSize()).isEqualTo(plain.config().hiddenSize());
        assertThat(made.config().slidingWindow()).isEqualTo(plain.config().slidingWindow());
        assertThat(made.config().ropeTheta()).isEqualTo(plain.config().ropeTheta());
        assertThat(made.weights().quantized()).hasSize(7 * plain.config().numHiddenLayers());
        assertThat(Cli.run("logits", "--json", "--ids=5,6,7", "--model=" + out()).succeeds().out())
                .isNotEmpty();
    }

    @Test
    void nothingIsOverwritten() throws Exception {
        Files.createDirectories(out());
        Path mine = Files.writeString(out().resolve("mine"), "x");
        assertThat(Cli.run("quantize", Mistral.DEFAULT_MODEL, out().toString()).fault(1))
                .contains(out().toString(), "not empty");
        assertThat(Cli.run("quantize", Mistral.DEFAULT_MODEL, mine.toString()).fault(1))
                .contains("is a file");
        assertThat(files(out())).containsExactly("mine");
        Files.delete(mine);
        quantize(Mistral.DEFAULT_MODEL, "int4");
        assertThat(files(out())).contains("model.safetensors");
    }

    @Test
    void quantizedWeightsAreNotQuantizedAgain() throws Exception {
        quantize(Mistral.DEFAULT_MODEL, "int4");
        String again = directory.resolve("again").toString();
        assertThat(Cli.run("quantize", out().toString(), again).fault(1)).contains("already");
        assertThat(
                        Cli.run("generate", "--model=" + out(), "--quantization=int4", QUESTION)
                                .fault(1))
                .contains("already");
    }

    /** A failure leaves no partial checkpoint behind. */
    @Test
    void damagedWeightsAreNamedAndLeaveNoTrace() throws Exception {
        Path source = Files.createDirectory(directory.resolve("damaged"));
        Path plain = Reference.directory("checkpoints/window4-bf16");
        Files.copy(plain.resolve("config.json"), source.resolve("config.json"));
        Map<String, Tensor> tensors = Safetensors.read(plain.resolve("model.safetensors"));
        Tensor damaged = tensors.get("model.layers.1.mlp.up_proj.weight");
        assertThat(damaged.dtype()).isEqualTo(Dtype.BFLOAT16);
        damaged.data().putShort(10, (short) 0x7fc0); // in this process' own copy of the page
        Safetensors.write(source.resolve("model.safetensors"), tensors.values(), Map.of());
        assertThat(
                        Cli.run("quantize", "--method=nf4", source.toString(), out().toString())
                                .fault(1))
                .contains("model.layers.1.mlp.up_proj.weight", "NaN");
        assertThat(files(out().getParent())).isEmpty();
    }

    @Test
    void groupsThatDoNotFitAreAnError() {
        String source = Reference.directory("checkpoints/window8-f32").toString();
        assertThat(Cli.run("quantize", source, out().toString()).fault(1))
                .contains("columns", "groups of 64");
    }

    @EnabledOnOs(OS.LINUX) // which has a directory on a file system without any space
    @Test
    void diskSpaceIsCheckedFirst() {
        assertThat(Cli.run("quantize", Mistral.DEFAULT_MODEL, "/proc/model").fault(1))
                .contains("the result takes", "has 0 B free");
    }

    @Test
    void wrongOptionsAreExplained() {
        assertThat(
                        Cli.run(
                                        "quantize",
                                        "--method=int5",
                                        Mistral.DEFAULT_MODEL,
                                        out().toString())
                                .fault(1))
                .contains("int5", "int4", "nf4");
        assertThat(Cli.run("quantize", "no/such/model", out().toString()).fault(1))
                .contains("no/such/model");
        assertThat(Cli.run("quantize", Mistral.DEFAULT_MODEL).fault(2)).contains("OUT");
        assertThat(Cli.run("generate", "--quantization=int3", QUESTION).fault(1))
                .contains("int3", "int4");
    }

    @Test
    void infoEstimatesTheSize() {
        JsonObject plain = Cli.run("info", "--json").json().getAsJsonObject("weights");
        JsonObject int4 =
                Cli.run("info", "--json", "--quantization=int4").json().getAsJsonObject("weights");
        assertThat(int4.get("loaded_bytes").getAsLong())
                .isLessThan(plain.get("loaded_bytes").getAsLong() / 2);
        assertThat(int4.get("stored_bytes")).isEqualTo(plain.get("stored_bytes"));
    }
}
