/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.model.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command that runs a model does so on the Rust engine as well, with the same result. */
class EngineCommandsTest {

    private static final String QUESTION = "What is a lighthouse?";
    private static final String MODEL = Reference.directory("checkpoints/window8-f32").toString();

    @TempDir Path directory;

    private static JsonObject rust(String... arguments) {
        String[] all = new String[arguments.length + 2];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        all[arguments.length] = "--engine=Rust";
        all[arguments.length + 1] = "--json";
        return Cli.run(all).json();
    }

    private static JsonObject pyTorch(String... arguments) {
        String[] all = new String[arguments.length + 1];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        all[arguments.length] = "--json";
        return Cli.run(all).json();
    }

    private static String reason(JsonObject json) {
        return json.getAsJsonObject("kernels").get("reason").getAsString();
    }

    @Test
    void generate() {
        JsonObject json = rust("generate", QUESTION);
        assertThat(json.get("text")).isEqualTo(pyTorch("generate", QUESTION).get("text"));
        assertThat(reason(json)).contains("Rust");
    }

    @Test
    void chat() {
        Cli run = Cli.runWith(QUESTION + "\n", "chat", "--engine=Rust");
        assertThat(run.succeeds().out())
                .isEqualTo(Cli.runWith(QUESTION + "\n", "chat").succeeds().out());
    }

    @Test
    void logits() {
        JsonObject json = rust("logits", "--ids=1,5,7", "--model=" + MODEL);
        JsonObject other = pyTorch("logits", "--ids=1,5,7", "--model=" + MODEL);
        assertThat(reason(json)).contains("Rust");
        for (int i = 0; i < 3; ++i) {
            JsonObject one = top(json, i);
            assertThat(one.get("id")).isEqualTo(top(other, i).get("id"));
            assertThat(one.get("logit").getAsDouble())
                    .isCloseTo(top(other, i).get("logit").getAsDouble(), within(1e-4));
        }
    }

    private static JsonObject top(JsonObject json, int rank) {
        return json.getAsJsonArray("top").get(0).getAsJsonArray().get(rank).getAsJsonObject();
    }

    @Test
    void embed() {
        String[] texts = {"embed", "a calm sea", "tax law"};
        JsonObject json = rust(texts);
        assertThat(reason(json)).contains("Rust");
        double[] vector = vector(json);
        double[] other = vector(pyTorch(texts));
        assertThat(vector).hasSize(256);
        // hidden states are in the range of logits
        assertThat(vector).containsExactly(other, within(1e-4));
    }

    private static double[] vector(JsonObject json) {
        return json.getAsJsonArray("embeddings").get(1).getAsJsonArray().asList().stream()
                .mapToDouble(JsonElement::getAsDouble)
                .toArray();
    }

    @Test
    void logitsOfAnotherHead() {
        String model = "--model=" + Reference.directory("heads/single-label");
        JsonObject json = rust("logits", "--ids=1,5,7", model);
        assertThat(json.getAsJsonObject("tensors").get("logits"))
                .isEqualTo(
                        pyTorch("logits", "--ids=1,5,7", model)
                                .getAsJsonObject("tensors")
                                .get("logits"));
    }

    @Test
    void perplexity() throws Exception {
        Path file = Files.writeString(directory.resolve("text"), "a tower with a light");
        String name = file.toString();
        double expected = pyTorch("perplexity", name).get("perplexity").getAsDouble();
        assertThat(rust("perplexity", name).get("perplexity").getAsDouble())
                .isCloseTo(expected, within(1e-3 * expected));
    }

    @Test
    void infoAndBench() {
        JsonObject info = rust("info");
        assertThat(info.getAsJsonObject("system").get("engine").getAsString()).isEqualTo("Rust");
        assertThat(reason(info)).contains("Rust");
        JsonObject bench = rust("bench", "--model=" + MODEL, "-p=4", "-n=2", "-r=1");
        assertThat(reason(bench)).contains("Rust");
        assertThat(bench.get("threads").getAsInt()).isPositive();
    }

    @Test
    void whatRustLacksIsNamed() {
        assertThat(Cli.run("generate", "--engine=Rust", "--kernels=native", QUESTION).fault(1))
                .contains("native kernels need DJL's PyTorch engine");
        assertThat(Cli.run("generate", "--engine=Rust", "--quantization=int4", QUESTION).fault(1))
                .contains("quantized weights", "optEngine(\"PyTorch\")");
        assertThat(Cli.run("generate", "--engine=Rust", "--threads=1", QUESTION).fault(2))
                .contains("RAYON_NUM_THREADS");
        assertThat(Cli.run("bench", "--engine=Rust", "--synthetic=tiny").fault(1))
                .contains("quantized weights");
        assertThat(Cli.run("generate", "--engine=Candle", QUESTION).fault(1))
                .contains("\"Candle\"", "[PyTorch, Rust, MXNet]");
    }
}
