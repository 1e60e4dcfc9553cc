/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints with a merged adapter; PeftTest compares them with peft's. */
class MergeTest extends Fixture {

    private static final ComputeOptions TORCH = new ComputeOptions("torch", "float32");

    @TempDir Path directory;

    private Path saved(Adapter adapter) throws Exception {
        Path saved = directory.resolve("adapter");
        adapter.save(saved);
        return saved;
    }

    /** Quantized weights are dequantized: the sum is not that of another quantization. */
    @ParameterizedTest
    @ValueSource(strings = {"bitsandbytes", "int4", "gptq"})
    void quantizedWeights(String format) throws Exception {
        Path source = Reference.directory("quantized/" + format);
        MistralForCausalLM base = MistralForCausalLM.load(source, manager, TORCH);
        Adapter adapter = Adapters.random(base, 1, 0.2);
        MistralForCausalLM adapted = base.withAdapter(adapter, manager);
        long[] text = prompt(base, 1, 20);

        Path target = directory.resolve("merged");
        Mistral.merge(source, saved(adapter), target);

        JsonObject config = Reference.json(target.resolve("config.json"));
        assertThat(config.has("quantization_config")).isFalse();
        String stored = config.get("torch_dtype").getAsString();
        Map<String, Tensor> tensors = Safetensors.read(target.resolve("model.safetensors"));
        assertThat(tensors.get("model.layers.0.mlp.up_proj.weight").dtype()).hasToString(stored);
        MistralForCausalLM merged = MistralForCausalLM.load(target, manager, TORCH);
        float[][] expected = logits(adapted, text);
        float[][] actual = logits(merged, text);
        // weights are rounded to the type in config.json
        float unit = stored.equals("float32") ? 0 : stored.equals("float16") ? 0x1p-11f : 0x1p-8f;
        for (int i = 0; i < text.length; ++i) {
            assertClose(actual[i], expected[i], LOGITS + 20 * unit);
        }
    }

    /** The adapter of one of two tied weights separates them, as in peft. */
    @Test
    void tiedEmbeddings() throws Exception {
        Path source = Reference.directory("checkpoints/nowindow-tied-sharded");
        MistralForCausalLM base = MistralForCausalLM.load(source, manager, TORCH);
        long[] text = prompt(base, 2, 9);
        for (String module : List.of("embed_tokens", "lm_head")) {
            LoraConfig config = LoraConfig.builder().modulesToSave(List.of(module)).build();
            Adapter adapter = base.withAdapter(base.newAdapter(config, 1), manager).adapter();
            adapter.tensors()
                    .get((module.equals("lm_head") ? "" : "model.") + module + ".weight")
                    .data()
                    .asFloatBuffer()
                    .put(new float[24 * 50]);
            float[][] expected = logits(base.withAdapter(adapter, manager), text);
            Path target = directory.resolve(module);
            Mistral.merge(source, saved(adapter), target);
            assertThat(
                            Reference.json(target.resolve("config.json"))
                                    .get("tie_word_embeddings")
                                    .getAsBoolean())
                    .isFalse();
            float[][] actual = logits(MistralForCausalLM.load(target, manager, TORCH), text);
            for (int i = 0; i < text.length; ++i) {
                assertClose(actual[i], expected[i], LOGITS);
            }
        }
    }

    private Path adapterOf(Path source) throws Exception {
        MistralForCausalLM base = MistralForCausalLM.load(source, manager, TORCH);
        return saved(Adapters.random(base, 1, 0.2));
    }

    /** The disk has room for half of the weights. */
    @Test
    void aFullDiskLeavesNothing() throws Exception {
        Path source = Reference.directory("checkpoints/window8-f32");
        Path adapter = adapterOf(source);
        long size = Files.size(source.resolve("model.safetensors"));
        Configuration disk =
                Configuration.unix().toBuilder().setBlockSize(64).setMaxSize(size / 2).build();
        try (FileSystem full = Jimfs.newFileSystem(disk)) {
            Path target = full.getPath("/models/merged");
            assertThatIOException()
                    .isThrownBy(() -> Mistral.merge(source, adapter, target))
                    .withMessageContaining("out of disk space");
            assertThat(target.getParent()).isEmptyDirectory();
        }
    }

    /** An interrupt closes the file that is written. */
    @Test
    void anInterruptLeavesNothing() throws Exception {
        Path source = Reference.directory("checkpoints/window8-f32");
        Path adapter = adapterOf(source);
        Path parent = Files.createDirectory(directory.resolve("models"));
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> Mistral.merge(source, adapter, parent.resolve("merged")))
                    .isInstanceOf(ClosedByInterruptException.class);
        } finally {
            Thread.interrupted();
        }
        assertThat(parent).isEmptyDirectory();
    }

    @Test
    void badInput() throws Exception {
        Path source = Reference.directory("checkpoints/window8-f32");
        MistralForCausalLM base = MistralForCausalLM.load(source, manager, TORCH);
        Path adapter = saved(Adapters.random(base, 1, 0.2));
        Path target = directory.resolve("merged");
        Path other = Reference.directory("checkpoints/nowindow-tied-sharded");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mistral.merge(other, adapter, target))
                .withMessageContaining("model.layers.2.self_attn.q_proj");
        Path wide = Reference.directory("checkpoints/window4-bf16");
        Path two =
                saved(
                        Adapters.random(
                                base,
                                LoraConfig.builder().layersToTransform(List.of(0)).build(),
                                1,
                                0.2));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mistral.merge(wide, two, target))
                .withMessageContaining("instead of [");
        Files.createDirectory(target);
        Files.createFile(target.resolve("note"));
        assertThatIOException()
                .isThrownBy(() -> Mistral.merge(source, adapter, target))
                .withMessageContaining("is not empty");
        assertThatIOException()
                .isThrownBy(() -> Mistral.merge(source, adapter, target.resolve("note")))
                .withMessageContaining("is a file");
        assertThatIOException()
                .isThrownBy(() -> Mistral.merge(directory, adapter, directory.resolve("new")))
                .withMessageContaining("has no config.json");
        try (var files = Files.list(directory)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .as("nothing is left behind")
                    .containsExactlyInAnyOrder("adapter", "merged");
        }
    }
}
