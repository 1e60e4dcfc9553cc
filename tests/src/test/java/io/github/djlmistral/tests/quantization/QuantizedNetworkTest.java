/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.djl.MalformedModelException;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two-layer checkpoints of each format, from files to logits. */
class QuantizedNetworkTest extends Fixture {

    @TempDir Path directory;

    private static Path checkpoint(String format) {
        return Reference.directory("quantized/" + format);
    }

    private static float[] flat(float[][] rows) {
        float[] flat = new float[rows.length * rows[0].length];
        for (int r = 0; r < rows.length; ++r) {
            System.arraycopy(rows[r], 0, flat, r * rows[0].length, rows[0].length);
        }
        return flat;
    }

    /** Expected logits were computed by transformers from the dequantized weights. */
    @ParameterizedTest
    @ValueSource(strings = {"bitsandbytes", "gptq", "awq", "int4"})
    void logitsAreTheReferences(String format) throws Exception {
        Map<String, Tensor> recorded =
                Safetensors.read(checkpoint(format).resolve("expected.safetensors"));
        LongBuffer buffer = recorded.get("input_ids").data().asLongBuffer();
        long[] ids = new long[buffer.remaining()];
        buffer.get(ids);
        float[] expected = new float[(int) recorded.get("logits").elements()];
        recorded.get("logits").data().asFloatBuffer().get(expected);

        MistralForCausalLM network =
                MistralForCausalLM.load(
                        checkpoint(format), manager, new ComputeOptions("reference", "float32"));
        assertClose(flat(logits(network, ids)), expected, LOGITS);
    }

    /** The same products, summed in another order at most. */
    @ParameterizedTest
    @ValueSource(strings = {"bitsandbytes", "gptq", "awq", "int4"})
    void logitsAreThoseOfTheDequantizedCheckpoint(String format) throws Exception {
        dequantize(MistralCheckpoint.open(checkpoint(format)).weights());
        JsonObject config = Reference.json(checkpoint(format).resolve("config.json"));
        config.remove("quantization_config");
        Files.writeString(directory.resolve("config.json"), config.toString());
        MistralForCausalLM plain =
                MistralForCausalLM.load(
                        directory, manager, new ComputeOptions("reference", "float32"));
        MistralForCausalLM quantized =
                MistralForCausalLM.load(
                        checkpoint(format), manager, new ComputeOptions("reference", "float32"));
        long[] ids = prompt(plain, 7, 11);
        assertClose(flat(logits(quantized, ids)), flat(logits(plain, ids)), 1e-5f);
    }

    private void dequantize(Weights weights) throws IOException {
        assertThat(weights.quantized()).hasSize(14);
        List<Tensor> tensors = new ArrayList<>(weights.unquantized().values());
        weights.quantized()
                .forEach(
                        (name, matrix) -> {
                            float[] values = QuantizedMatrices.values(matrix);
                            ByteBuffer bytes =
                                    ByteBuffer.allocateDirect(4 * values.length)
                                            .order(ByteOrder.LITTLE_ENDIAN);
                            bytes.asFloatBuffer().put(values);
                            long[] shape = {matrix.rows(), matrix.columns()};
                            tensors.add(new Tensor(name, Dtype.FLOAT32, shape, bytes));
                        });
        Safetensors.write(directory.resolve("model.safetensors"), tensors, Map.of());
    }

    @Test
    void anotherNetworksConfiguration() throws IOException {
        Path source = checkpoint("awq");
        Files.copy(source.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        String config = Files.readString(source.resolve("config.json"));
        Files.writeString(
                directory.resolve("config.json"),
                config.replace("\"intermediate_size\": 96", "\"intermediate_size\": 128"));
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(
                        () ->
                                MistralForCausalLM.load(
                                        directory,
                                        manager,
                                        new ComputeOptions("reference", "float32")))
                .withMessageContaining(
                        "model.layers.1.mlp.up_proj.weight has the shape [96, 64] instead of"
                                + " [128, 64]");
    }
}
