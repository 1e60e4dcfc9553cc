/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.MalformedModelException;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Validation of checkpoints, and choice of kernels. */
class LoadTest extends Fixture {

    private static final String HEAD = "lm_head.weight";
    private static final String NORM = "model.norm.weight";
    private static final String QUERY = "model.layers.1.self_attn.q_proj.weight";

    @TempDir Path directory;

    private Map<String, Tensor> tensors;

    @BeforeEach
    void copy() throws IOException {
        Path source = Reference.directory("checkpoints/window8-f32");
        tensors = new LinkedHashMap<>(Safetensors.read(source.resolve("model.safetensors")));
        Files.copy(source.resolve("config.json"), directory.resolve("config.json"));
    }

    private MistralForCausalLM load() throws Exception {
        Safetensors.write(
                directory.resolve("model.safetensors"),
                new ArrayList<>(tensors.values()),
                Map.of());
        return MistralForCausalLM.load(directory, manager, new ComputeOptions("torch", "float32"));
    }

    private void configure(String from, String to) throws IOException {
        Path file = directory.resolve("config.json");
        String text = Files.readString(file);
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
    }

    @Test
    void aCopyIsAsTheOriginal() throws Exception {
        long[] ids = {5, 7, 9};
        float[][] original = logits(load("window8-f32", "torch"), ids);
        float[][] copy = logits(load(), ids);
        for (int i = 0; i < ids.length; ++i) {
            // its bytes may be aligned otherwise, so that sums take another order
            assertClose(copy[i], original[i], LOGITS);
        }
    }

    @Test
    void everyFaultIsNamedAtOnce() {
        Tensor norm = tensors.remove(NORM);
        tensors.put("model.norm.bias", norm.renamed("model.norm.bias"));
        tensors.put(QUERY, new Tensor(QUERY, Dtype.FLOAT32, new long[] {16, 64}, data(QUERY)));
        tensors.remove(HEAD);
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(this::load)
                .withMessageContaining(directory.toString())
                .withMessageContaining(NORM + " is missing")
                .withMessageContaining(HEAD + " is missing")
                .withMessageContaining("model.norm.bias is unexpected")
                .withMessageContaining(QUERY + " has the shape [16, 64] instead of [32, 32]");
    }

    private ByteBuffer data(String name) {
        return tensors.get(name).data();
    }

    /** Old files store rotary frequencies, tied models sometimes a copy of the embedding table. */
    @Test
    void redundantTensorsAreAccepted() throws Exception {
        String name = "model.layers.0.self_attn.rotary_emb.inv_freq";
        tensors.put(name, new Tensor(name, Dtype.FLOAT32, new long[] {32}, data(NORM)));
        configure("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
        assertThat(load().namedParameters()).doesNotContainKey(HEAD);
    }

    @Test
    void aConfigurationOfAnotherNetwork() throws IOException {
        configure("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 30");
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(this::load)
                .withMessageContaining("layers.3.")
                .withMessageContaining(" more")
                .withMessageContaining("config.json");
    }

    @Test
    void anUnknownQuantization() throws IOException {
        configure("{", "{\"quantization_config\": {\"quant_method\": \"hqq\"},");
        assertThatIOException()
                .isThrownBy(this::load)
                .withMessageContaining("config.json")
                .withMessageContaining("quantization_config.quant_method is hqq");
    }

    @Test
    void integerTensorsAreRejected() {
        tensors.put(NORM, new Tensor(NORM, Dtype.INT32, new long[] {32}, data(NORM)));
        assertThatExceptionOfType(Exception.class)
                .isThrownBy(this::load)
                .withMessageContaining("floating-point");
    }

    @Test
    void aDirectoryThatIsNotThere() {
        Path wrong = directory.resolve("not there");
        assertThatIOException()
                .isThrownBy(() -> MistralForCausalLM.load(wrong, manager, ComputeOptions.AUTO))
                .withMessageContaining(wrong.toString());
    }

    @Test
    void aDirectoryWithoutWeights() {
        assertThatIOException()
                .isThrownBy(() -> MistralForCausalLM.load(directory, manager, ComputeOptions.AUTO))
                .withMessageContaining(directory.toString())
                .withMessageContaining("model.safetensors");
    }

    @ParameterizedTest
    @CsvSource({
        "fast, auto, fast", "Torch, auto, Torch", "'', auto, unknown kernels",
        "auto, float7, float7", "reference, float7, float7", "reference, float16, float16",
        "reference, bfloat16, bfloat16", "torch, float64, float64", "torch, int8, int8",
        "auto, bool, bool"
    })
    void unsupportedKernelsAndTypes(String kernels, String dtype, String named) {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                KernelChoice.of(
                                        manager,
                                        new ComputeOptions(kernels, dtype),
                                        Dtype.FLOAT32,
                                        9))
                .withMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource({
        "auto, auto, native, float32", "native, bfloat16, native, bfloat16",
        "torch, auto, torch, float32", "torch, bfloat16, torch, bfloat16",
        "torch, float16, torch, float16", "reference, auto, reference, float32",
        "reference, float32, reference, float32", "auto, torch.float32, native, float32"
    })
    void kernelsAreChosenAndReported(String kernels, String dtype, String name, String type) {
        assumeAvailable(name);
        for (Dtype stored : List.of(Dtype.FLOAT32, Dtype.BFLOAT16)) {
            KernelChoice choice =
                    KernelChoice.of(manager, new ComputeOptions(kernels, dtype), stored, 9);
            assertThat(choice.kernels().name()).isEqualTo(name);
            assertThat(choice.kernels().dtype()).isEqualTo(Dtype.of(type));
            assertThat(choice.reason()).startsWith(name + " on ").contains(type);
        }
    }

    /** Small models compute in float32, large ones in their stored data type. */
    @ParameterizedTest
    @CsvSource({
        "BFLOAT16, 1000, float32",
        "FLOAT16, 1000, float32",
        "BFLOAT16, 14000000000, bfloat16",
        "FLOAT16, 14000000000, float16",
        "FLOAT32, 28000000000, float32"
    })
    void theTypeIsChosenBySize(Dtype stored, long bytes, String type) {
        KernelChoice choice = KernelChoice.of(manager, ComputeOptions.AUTO, stored, bytes);
        assertThat(choice.kernels().dtype()).isEqualTo(Dtype.of(type));
        assertThat(choice.reason()).contains(type);
    }
}
