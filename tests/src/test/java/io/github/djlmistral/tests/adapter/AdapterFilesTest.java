/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code adapter_config.json} and {@code adapter_model.safetensors}. */
class AdapterFilesTest {

    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String V = "model.layers.0.self_attn.v_proj";
    private static final String FILE = "adapter_model.safetensors";

    @TempDir Path directory;

    private static Adapter adapter(LoraConfig config) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put(Q, new long[] {6, 4});
        shapes.put(V, new long[] {2, 4});
        return Adapter.create(config, shapes, 5);
    }

    private static LoraConfig config() {
        return LoraConfig.builder().r(3).build();
    }

    @Test
    void areReadAsTheyWereWritten() throws IOException {
        Adapter adapter = adapter(config());
        adapter.tensors().get(Q + Adapter.B).data().asFloatBuffer().put(4, 0.5f);
        adapter.save(directory);
        assertThat(Adapter.load(directory)).isEqualTo(adapter);
        try (var files = Files.list(directory)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("adapter_config.json", FILE);
        }
        assertThat(Safetensors.read(directory.resolve(FILE)).keySet())
                .contains("base_model.model." + Q + ".lora_A.weight");
        assertThat(Safetensors.metadata(directory.resolve(FILE))).containsEntry("format", "pt");
        Adapter other = adapter(config().toBuilder().r(2).build());
        other.save(directory);
        assertThat(Adapter.load(directory)).isEqualTo(other);
    }

    /** Uniform over ±1/√in; zeros; the same for the same seed. */
    @Test
    void startAsPeftDoes() {
        LoraConfig config = LoraConfig.builder().r(50).build();
        Adapter adapter = adapter(config);
        float[] a = new float[200];
        adapter.tensors().get(Q + Adapter.A).data().asFloatBuffer().get(a);
        float most = 0;
        double sum = 0;
        for (float value : a) {
            most = Math.max(most, Math.abs(value));
            sum += value * value;
        }
        assertThat(most).isBetween(0.45f, 0.5f);
        // variance of a uniform distribution over ±h: h²/3; 200 draws are within a fifth
        assertThat(sum / 200).isBetween(0.25 / 3 * 0.8, 0.25 / 3 * 1.2);
        float[] b = new float[300];
        adapter.tensors().get(Q + Adapter.B).data().asFloatBuffer().get(b);
        assertThat(b).containsOnly(0);
        assertThat(adapter(config)).isEqualTo(adapter);
    }

    @Test
    void chooseNoLayer() {
        LoraConfig config = LoraConfig.builder().targetModules(List.of("query")).build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> adapter(config))
                .withMessageContaining("[query]")
                .withMessageContaining("gate_proj");
    }

    @Test
    void lackAFile() throws IOException {
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("has no adapter_config.json: give the directory");
        adapter(config()).save(directory);
        Files.delete(directory.resolve(FILE));
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("has no adapter_model.safetensors: copy all");
        Files.createFile(directory.resolve("adapter_model.bin"));
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("only adapter_model.bin")
                .withMessageContaining("safe_serialization=True");
    }

    @Test
    void areWidened() throws IOException {
        adapter(config()).save(directory);
        List<Tensor> halves = new ArrayList<>();
        Map<String, Tensor> stored = Safetensors.read(directory.resolve(FILE));
        stored.forEach(
                (name, tensor) -> {
                    Tensor half = Tensor.allocate(name, Dtype.BFLOAT16, tensor.shape());
                    half.data().asShortBuffer().put(0, (short) 0xbf80); // -1
                    halves.add(half);
                });
        Safetensors.write(directory.resolve(FILE), halves, Map.of());
        Tensor a = Adapter.load(directory).tensors().get(V + Adapter.A);
        assertThat(a.dtype()).isEqualTo(Dtype.FLOAT32);
        assertThat(a.data().asFloatBuffer().get(0)).isEqualTo(-1);
        assertThat(a.data().asFloatBuffer().get(1)).isZero();
    }

    private void rewrite(String from, String to) throws IOException {
        adapter(config()).save(directory);
        List<Tensor> tensors =
                Safetensors.read(directory.resolve(FILE)).values().stream()
                        .map(tensor -> tensor.renamed(tensor.name().replace(from, to)))
                        .toList();
        Safetensors.write(directory.resolve(FILE), tensors, Map.of());
    }

    @Test
    void doNotFitTheConfiguration() throws IOException {
        rewrite("q_proj.lora_B", "k_proj.lora_B");
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining(Q + ".lora_B.weight is missing")
                .withMessageContaining("k_proj.lora_A.weight is missing");
        rewrite("base_model.model", "base");
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("does not begin with base_model.model.");
        rewrite("lora_B.weight", "lora_magnitude_vector.weight");
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("is of DoRA, which is not supported");
        rewrite("lora_B.weight", "lora_embedding_B.weight");
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("modules_to_save");
        rewrite("self_attn.v_proj", "norm_1");
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("norm_1.lora_A.weight is not in target_modules");
        adapter(config()).save(directory);
        Path file = directory.resolve("adapter_config.json");
        Files.writeString(file, Files.readString(file).replace("\"r\": 3", "\"r\": 4"));
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining("[3, 4], not that of rank 4");
    }

    @Test
    void haveUnsupportedFeatures() throws IOException {
        adapter(config()).save(directory);
        Path file = directory.resolve("adapter_config.json");
        Files.writeString(
                file, Files.readString(file).replace("\"use_dora\": false", "\"use_dora\": true"));
        assertThatIOException()
                .isThrownBy(() -> Adapter.load(directory))
                .withMessageContaining(file.toString())
                .withMessageContaining("use_dora is true");
    }

    @Test
    void needTheModulesThatTheyReplace() {
        Adapter adapter =
                adapter(config().toBuilder().modulesToSave(List.of("embed_tokens")).build());
        assertThatIllegalStateException()
                .isThrownBy(() -> adapter.save(directory))
                .withMessageContaining("no model.embed_tokens.weight yet");
    }
}
