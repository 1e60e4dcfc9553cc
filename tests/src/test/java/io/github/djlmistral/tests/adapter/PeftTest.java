/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters that peft has saved, and the logits that peft computes with them. */
class PeftTest extends Fixture {

    @TempDir Path directory;

    private static Path directory(String name) {
        return Reference.directory("adapters/" + name);
    }

    private static Map<String, Tensor> expected(String name) throws Exception {
        return Safetensors.read(directory(name).resolve("expected.safetensors"));
    }

    private static long[] ids(String name) throws Exception {
        LongBuffer ids = expected(name).get("input_ids").data().asLongBuffer();
        long[] values = new long[ids.remaining()];
        ids.get(values);
        return values;
    }

    private void assertLogits(MistralForCausalLM network, String name, String key, float tolerance)
            throws Exception {
        var expected = expected(name).get(key).data().asFloatBuffer();
        for (float[] row : logits(network, ids(name))) {
            float[] wanted = new float[row.length];
            expected.get(wanted);
            assertClose(row, wanted, tolerance);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "lora, window8-f32, torch",
        "lora, window8-f32, native",
        "lora, window8-f32, reference",
        "defaults, window8-f32, torch",
        "patterns, window8-f32, torch",
        "patterns, window8-f32, native",
        "regex, window8-f32, torch",
        "layers, window8-f32, torch",
        "head, window8-f32, torch",
        "head, window8-f32, native",
        "saved, window8-f32, torch",
        "saved, window8-f32, native",
        "saved, window8-f32, reference",
        "saved-tied, nowindow-tied-sharded, torch",
        "saved-tied, nowindow-tied-sharded, native"
    })
    void logitsAreThoseOfPeft(String name, String checkpoint, String kernels) throws Exception {
        assumeAvailable(kernels);
        Adapter adapter = Adapter.load(directory(name));
        MistralForCausalLM network = load(checkpoint, kernels).withAdapter(adapter, manager);
        assertLogits(network, name, "logits", LOGITS);
        adapter.save(directory);
        assertThat(Adapter.load(directory)).isEqualTo(adapter);
    }

    /**
     * Computed in bfloat16 by both, in another order: operations of the two layers round to 2^-9,
     * about 30 of them in sequence, and the logits are up to 10.
     */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "native"})
    void bfloat16(String kernels) throws Exception {
        assumeAvailable(kernels);
        MistralForCausalLM network =
                MistralForCausalLM.load(
                                Reference.directory("checkpoints/window4-bf16"),
                                manager,
                                new ComputeOptions(kernels, "bfloat16"))
                        .withAdapter(Adapter.load(directory("bfloat16")), manager);
        assertLogits(network, "bfloat16", "logits", 0.25f);
    }

    /** The merged checkpoint computes what the adapter does, with plain weights. */
    @ParameterizedTest
    @CsvSource({
        "lora, window8-f32",
        "patterns, window8-f32",
        "regex, window8-f32",
        "head, window8-f32",
        "saved, window8-f32",
        "saved-tied, nowindow-tied-sharded"
    })
    void merging(String name, String checkpoint) throws Exception {
        Path merged = directory.resolve("merged");
        Mistral.merge(Reference.directory("checkpoints/" + checkpoint), directory(name), merged);
        MistralForCausalLM network =
                MistralForCausalLM.load(merged, manager, new ComputeOptions("torch", "float32"));
        assertLogits(network, name, "logits", LOGITS);
        assertLogits(network, name, "merged_logits", LOGITS);
    }

    /** Merged weights are those of peft: float32 sums, rounded to the type of the weight. */
    @ParameterizedTest
    @CsvSource({
        "lora, window8-f32, model.layers.1.mlp.down_proj.weight",
        "bfloat16, window4-bf16, model.layers.0.self_attn.q_proj.weight"
    })
    void mergedWeights(String name, String checkpoint, String weight) throws Exception {
        Path merged = directory.resolve("merged");
        Mistral.merge(Reference.directory("checkpoints/" + checkpoint), directory(name), merged);
        Tensor actual = Safetensors.read(merged.resolve("model.safetensors")).get(weight);
        Tensor wanted = expected(name).get(weight);
        assertThat(actual.dtype()).isEqualTo(wanted.dtype());
        boolean half = wanted.dtype().bytes() == 2;
        int differing = 0;
        for (int i = 0; i < wanted.elements(); ++i) {
            float a = value(actual, i);
            float b = value(wanted, i);
            // sums of four products in another order: at a tie of rounding, the next bfloat16
            double bound = half ? Math.abs(b) * 0x1p-7 : 4 * 0x1p-23;
            assertThat((double) Math.abs(a - b)).isLessThanOrEqualTo(bound);
            differing += a == b ? 0 : 1;
        }
        if (half) {
            assertThat(differing).isLessThan((int) wanted.elements() / 100);
        }
    }

    private static float value(Tensor tensor, int i) {
        return tensor.dtype().bytes() == 4
                ? tensor.data().asFloatBuffer().get(i)
                : Float.intBitsToFloat(tensor.data().asShortBuffer().get(i) << 16);
    }
}
