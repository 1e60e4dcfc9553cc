/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.adapter.Adapters;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An adapter over quantized weights is trained as over their values: log-probabilities and
 * gradients are the same bits.
 *
 * <p>The recordings of peft bound gradients by the largest of their tensor, which says little about
 * a tensor whose gradients nearly cancel. With random weights in groups with offsets, which have a
 * mean, the scores of attention are far apart, and the gradient of q_proj is 1000 times smaller
 * than others: there two orders of computation differ by 1e-3, with quantized and plain weights
 * alike.
 */
class QuantizedTrainingTest extends Fixture {

    private MistralForCausalLM adapted(MistralConfig config, Weights weights, ComputeOptions how)
            throws Exception {
        MistralForCausalLM base = MistralForCausalLM.of(config, weights, "a test", manager, how);
        LoraConfig lora =
                LoraConfig.builder()
                        .r(4)
                        .targetModules(List.of("q_proj", "v_proj", "down_proj"))
                        .build();
        MistralForCausalLM adapted = base.withAdapter(Adapters.random(base, lora, 3, 0.2), manager);
        adapted.unfreezeAdapter();
        return adapted;
    }

    private static Weights dequantized(Weights weights) {
        Map<String, Tensor> plain = new LinkedHashMap<>(weights.unquantized());
        weights.quantized().forEach((name, weight) -> plain.put(name, values(name, weight)));
        return new Weights(plain, Map.of());
    }

    private static Tensor values(String name, QuantizedWeight weight) {
        Tensor values = Tensor.allocate(name, Dtype.FLOAT32, weight.rows(), weight.columns());
        FloatBuffer rows = values.data().asFloatBuffer();
        float[] row = new float[weight.columns()];
        for (int i = 0; i < weight.rows(); ++i) {
            weight.dequantizeRow(i, row);
            rows.put(row);
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({
        "int4 g32, torch, float32",
        "int4 g64 offsets, torch, float32",
        "int4 g64 offsets, reference, float32",
        "int4 g64 f32 offsets, torch, bfloat16",
        "int8 g32 f32 offsets, torch, float32",
        "nf4 g64, torch, bfloat16",
        "nf4 g64, reference, float32"
    })
    void gradientsAreThoseOfTheValues(String kind, String kernels, String dtype) throws Exception {
        MistralConfig config = RandomNetwork.config(6);
        Weights weights = RandomNetwork.weights(config, kind);
        ComputeOptions how = new ComputeOptions(kernels, dtype);
        MistralForCausalLM quantized = adapted(config, weights, how);
        MistralForCausalLM plain = adapted(config, dequantized(weights), how);
        var sequences = TrainingPasses.sequences(quantized, 1, 20, 5);
        var options = TrainingPass.Options.DEFAULT.withGradientCheckpointing(true);
        TrainingPasses.Step actual = TrainingPasses.step(quantized, manager, sequences, options);
        TrainingPasses.Step expected = TrainingPasses.step(plain, manager, sequences, options);
        assertThat(actual.logProbabilities()).isEqualTo(expected.logProbabilities());
        assertThat(actual.gradients().keySet()).isEqualTo(expected.gradients().keySet());
        expected.gradients()
                .forEach(
                        (name, gradient) ->
                                assertThat(actual.gradients().get(name))
                                        .as(name)
                                        .isEqualTo(gradient));
        assertThat(actual.gradients().get("model.layers.0.self_attn.v_proj.lora_A.weight"))
                .doesNotContain(0, Float.NaN);
    }
}
