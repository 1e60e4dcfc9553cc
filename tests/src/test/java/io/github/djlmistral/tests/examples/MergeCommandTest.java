/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral merge}, and {@code --adapter} of the commands that compute. */
class MergeCommandTest {

    private static final Path MODEL = Reference.directory("checkpoints/window8-f32");
    private static final String IDS = "--ids=5,6,7,1,9,12";

    @TempDir Path directory;
    private Path adapter;
    private Path merged;

    /** An adapter whose B is not zero, on two of the linear layers. */
    @BeforeEach
    void write() throws IOException {
        adapter = directory.resolve("adapter");
        merged = directory.resolve("merged");
        write(4, List.of("q_proj", "down_proj"));
    }

    private void write(int rank, List<String> modules) throws IOException {
        LoraConfig config =
                LoraConfig.builder().r(rank).alpha(2 * rank).targetModules(modules).build();
        Random random = new Random(1);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Tensor weight : Safetensors.read(MODEL.resolve("model.safetensors")).values()) {
            String module = weight.name().replaceFirst("\\.weight$", "");
            if (config.targets(module)) {
                long[] shape = weight.shape();
                add(tensors, random, module + Adapter.A, rank, shape[1]);
                add(tensors, random, module + Adapter.B, shape[0], rank);
            }
        }
        new Adapter(config, tensors).save(adapter);
    }

    private static void add(Map<String, Tensor> all, Random random, String name, long... shape) {
        Tensor tensor = Tensor.allocate(name, Dtype.FLOAT32, shape);
        FloatBuffer elements = tensor.data().asFloatBuffer();
        while (elements.hasRemaining()) {
            elements.put((float) (0.1 * random.nextGaussian()));
        }
        all.put(name, tensor);
    }

    private float[] logits(String... options) throws IOException {
        Path file = directory.resolve("logits.safetensors");
        String[] arguments = new String[options.length + 4];
        System.arraycopy(options, 0, arguments, 4, options.length);
        arguments[0] = "logits";
        arguments[1] = IDS;
        arguments[2] = "--output=" + file;
        arguments[3] = "--device=cpu";
        Cli.run(arguments).succeeds();
        Tensor tensor = Objects.requireNonNull(Safetensors.read(file).get("logits"));
        float[] values = new float[(int) tensor.elements()];
        tensor.data().asFloatBuffer().get(values);
        return values;
    }

    /** The sums of the products are rounded in another order: W·x + B·(A·x) and (W + B·A)·x. */
    @ParameterizedTest
    @ValueSource(strings = {"native", "torch", "reference"})
    void mergedWeightsComputeWhatTheAdapterDoes(String kernels) throws IOException {
        assertThat(
                        Cli.run(
                                        "merge",
                                        "--json",
                                        "--model=" + MODEL,
                                        "--adapter=" + adapter,
                                        "--output=" + merged)
                                .json()
                                .get("directory")
                                .getAsString())
                .isEqualTo(merged.toString());

        String option = "--kernels=" + kernels;
        float[] plain = logits(option, "--model=" + MODEL);
        float[] adapted = logits(option, "--model=" + MODEL, "--adapter=" + adapter);
        assertThat(logits(option, "--model=" + merged)).containsExactly(adapted, within(1e-4f));
        float most = 0;
        for (int i = 0; i < plain.length; ++i) {
            most = Math.max(most, Math.abs(plain[i] - adapted[i]));
        }
        assertThat(most).isGreaterThan(0.1f);
    }

    @Test
    void otherFilesAreThoseOfTheModel() throws IOException {
        Cli.run("merge", "--model=" + MODEL, "--adapter=" + adapter, "--output=" + merged)
                .succeeds();
        assertThat(Reference.json(merged.resolve("config.json")))
                .isEqualTo(Reference.json(MODEL.resolve("config.json")));
        Map<String, Tensor> before = Safetensors.read(MODEL.resolve("model.safetensors"));
        Map<String, Tensor> after = Safetensors.read(merged.resolve("model.safetensors"));
        assertThat(after.keySet()).isEqualTo(before.keySet());
        before.forEach(
                (name, tensor) -> {
                    Tensor other = Objects.requireNonNull(after.get(name));
                    assertThat(other.dtype()).isEqualTo(tensor.dtype());
                    assertThat(other.data().equals(tensor.data()))
                            .as(name)
                            .isEqualTo(!name.contains("q_proj") && !name.contains("down_proj"));
                });
    }

    @Test
    void generationUsesTheAdapter() {
        Cli.run("merge", "--model=" + MODEL, "--adapter=" + adapter, "--output=" + merged)
                .succeeds();
        String[] models = {"--model=" + MODEL, "--model=" + merged};
        String[] adapters = {"--adapter=" + adapter, "--device=cpu"};
        String[] ids = new String[2];
        for (int i = 0; i < 2; ++i) {
            ids[i] =
                    Cli.run(
                                    "generate",
                                    "--json",
                                    "--max-new-tokens=12",
                                    "--eos-token-id=none",
                                    "--kernels=reference",
                                    IDS,
                                    models[i],
                                    adapters[i])
                            .json()
                            .get("ids")
                            .toString();
        }
        assertThat(ids[0]).isEqualTo(ids[1]);
    }

    /** The result has the types of the norms; it is not quantized again. */
    @Test
    void quantizedWeightsAreDequantized() throws IOException {
        Path quantized = directory.resolve("quantized");
        Cli.run("quantize", "--method=nf4", MODEL.toString(), quantized.toString()).succeeds();
        Cli.run("merge", "--model=" + quantized, "--adapter=" + adapter, "--output=" + merged)
                .succeeds();
        assertThat(Reference.json(merged.resolve("config.json")).has("quantization_config"))
                .isFalse();
        String option = "--kernels=torch";
        float[] adapted = logits(option, "--model=" + quantized, "--adapter=" + adapter);
        assertThat(logits(option, "--model=" + merged)).containsExactly(adapted, within(1e-4f));
    }

    @Test
    void quantizationOnLoadIsRefused() {
        assertThat(
                        Cli.run(
                                        "merge",
                                        "--model=mistral-tiny-instruct:int4",
                                        "--adapter=" + adapter,
                                        "--output=" + merged)
                                .fault(2))
                .contains("int4", "mistral quantize");
        assertThat(merged).doesNotExist();
    }

    @Test
    void adaptersOfOtherModelsAreRefused() {
        assertThat(Cli.run("merge", "--adapter=" + adapter, "--output=" + merged).fault(1))
                .contains("down_proj");
        assertThat(merged).doesNotExist();
        assertThat(Cli.run("logits", IDS, "--adapter=" + adapter).fault(1)).contains("down_proj");
    }

    @Test
    void wrongOptionsAreExplained() throws IOException {
        assertThat(Cli.run("merge", "--output=" + merged).fault(2)).contains("--adapter");
        assertThat(Cli.run("merge", "--adapter=" + merged, "--output=" + merged).fault(1))
                .contains(merged.toString(), "adapter_config.json");
        Files.createDirectory(merged);
        Files.writeString(merged.resolve("mine"), "x");
        assertThat(
                        Cli.run(
                                        "merge",
                                        "--model=" + MODEL,
                                        "--adapter=" + adapter,
                                        "--output=" + merged)
                                .fault(1))
                .contains("not empty");
        assertThat(
                        Cli.run("bench", "--synthetic=tiny", "--adapter=" + adapter, "--generate=1")
                                .fault(2))
                .contains("--adapter");
    }
}
