/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralModel;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The last hidden state equals the reference's, causal and bidirectional, in every format. */
class LastHiddenStateTest extends Fixture {

    @TempDir Path temporary;

    private static ComputeOptions options(String kernels) {
        return new ComputeOptions(kernels, "float32");
    }

    @ParameterizedTest
    @CsvSource({
        "embedding, reference",
        "embedding, torch",
        "embedding, auto",
        "bidirectional, reference",
        "bidirectional, torch",
        "bidirectional, auto"
    })
    void equalsTheReference(String name, String kernels) throws Exception {
        Reference reference = Reference.head(name);
        MistralModel network = MistralModel.load(reference.directory(), manager, options(kernels));
        for (String batch : List.of("row", "left", "right")) {
            NDArray ids = reference.array(manager, batch + ".input_ids");
            NDArray mask = reference.array(manager, batch + ".attention_mask");
            NDArray state = network.forward(parameters, new NDList(ids, mask), false).get(0);
            assertThat(state.getName()).isEqualTo("last_hidden_state");
            assertThat(network.getOutputShapes(new Shape[] {ids.getShape()}))
                    .containsExactly(state.getShape());
            assertTokensClose(state, reference.array(manager, batch + ".last_hidden_state"), mask);
        }
    }

    /** Hidden states of padding mean nothing. */
    private static void assertTokensClose(NDArray actual, NDArray expected, NDArray mask) {
        assertThat(actual.getShape()).isEqualTo(expected.getShape());
        float[][] a = rows(actual);
        float[][] b = rows(expected);
        long[] kept = mask.toLongArray();
        for (int i = 0; i < kept.length; ++i) {
            if (kept[i] == 1) {
                assertClose(a[i], b[i], LOGITS);
            }
        }
    }

    /** The reference kernels compute with the dequantized weights. */
    @ParameterizedTest
    @CsvSource({"embedding, nf4", "bidirectional, nf4"})
    void fourBitsEqualTheDequantizedWeights(String name, String bits) throws Exception {
        Reference reference = Reference.head(name);
        NDArray ids = reference.array(manager, "right.input_ids");
        NDArray mask = reference.array(manager, "right.attention_mask");
        List<NDArray> states = new ArrayList<>();
        for (String kernels : List.of("reference", "torch", "auto")) {
            MistralModel network =
                    MistralModel.of(
                            MistralCheckpoint.open(reference.directory())
                                    .quantized(Quantization.parse(bits)),
                            name,
                            manager,
                            options(kernels));
            states.add(network.forward(parameters, new NDList(ids, mask), false).get(0));
        }
        assertTokensClose(states.get(1), states.get(0), mask);
        assertTokensClose(states.get(2), states.get(0), mask);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "checkpoints/consolidated",
                "checkpoints/nowindow-tied-sharded",
                "checkpoints/window8-f32",
                "heads/single-label",
                "heads/question",
                "quantized/awq",
                "quantized/bitsandbytes",
                "quantized/gptq",
                "quantized/int4"
            })
    void everyCheckpointHasABackbone(String name) throws Exception {
        assertBackbone(Reference.directory(name));
    }

    @Test
    void ofAGgufFile() throws Exception {
        Path source = Reference.directory("checkpoints/window8-f32");
        assertBackbone(GgufModel.plain(source).write(temporary.resolve("model.gguf")));
    }

    private void assertBackbone(Path directory) throws Exception {
        MistralPreTrainedModel whole =
                MistralPreTrainedModel.of(
                        MistralCheckpoint.open(directory), "whole", manager, options("auto"));
        NDArray ids = manager.create(new long[] {1, 17, 5, 60, 33}).reshape(1, -1);
        ForwardOutput output =
                whole.forward(parameters, ForwardInput.ofIds(ids).outputHiddenStates(), false);
        NDArray expected = output.hiddenStates().get(output.hiddenStates().size() - 1);
        MistralModel alone = MistralModel.load(directory, manager, options("auto"));
        ForwardInput input = ForwardInput.ofIds(ids);
        NDArray state = alone.lastHiddenState(parameters, input, false);
        assertThat(state).isEqualTo(expected);
        assertThat(alone.forward(parameters, input, false).logits()).isEqualTo(state);
        assertThat(whole.lastHiddenState(parameters, input, false)).isEqualTo(state);
        assertThat(
                        alone.forward(
                                        parameters,
                                        ForwardInput.ofIds(ids).outputHiddenStates(),
                                        false)
                                .hiddenStates())
                .hasSize(output.hiddenStates().size());
        assertThat(alone.weightBytes()).isLessThanOrEqualTo(whole.weightBytes());
        assertThat(alone.namedParameters().keySet())
                .allMatch(parameter -> parameter.startsWith("model."));
    }

    /** {@code save_pretrained} of MistralModel omits the prefix that other networks have. */
    @Test
    void tensorsWithThePrefix() throws Exception {
        Path bare = Reference.directory("heads/embedding");
        List<Tensor> tensors = new ArrayList<>();
        for (Tensor tensor : Safetensors.read(bare.resolve("model.safetensors")).values()) {
            tensors.add(tensor.renamed("model." + tensor.name()));
        }
        Safetensors.write(temporary.resolve("model.safetensors"), tensors, Map.of());
        Files.copy(bare.resolve("config.json"), temporary.resolve("config.json"));
        ForwardInput input =
                ForwardInput.ofIds(Reference.head("embedding").array(manager, "row.input_ids"));
        assertThat(
                        MistralModel.load(temporary, manager, options("torch"))
                                .lastHiddenState(parameters, input, false))
                .isEqualTo(
                        MistralModel.load(bare, manager, options("torch"))
                                .lastHiddenState(parameters, input, false));
    }

    /** The gradient of the sum with respect to the final norm's weight is the sum over x / rms. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void propagatesGradients(String kernels) throws Exception {
        Reference reference = Reference.head("bidirectional");
        MistralModel network = MistralModel.load(reference.directory(), manager, options(kernels));
        Parameter norm = network.namedParameters().get("model.norm.weight");
        norm.freeze(false);
        NDArray state;
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            ForwardInput input = ForwardInput.ofIds(reference.array(manager, "row.input_ids"));
            state = network.lastHiddenState(parameters, input, true);
            collector.backward(state.sum());
        }
        NDArray weight = norm.getArray();
        NDArray normed = state.stopGradient().div(weight.stopGradient());
        NDArray expected = normed.sum(new int[] {0, 1});
        assertClose(weight.getGradient(), expected, 11 * LOGITS); // a sum over 11 tokens
    }

    @Test
    void theArchitectureDecides() throws Exception {
        Path directory = Reference.directory("heads/embedding");
        MistralPreTrainedModel network =
                MistralPreTrainedModel.of(
                        MistralCheckpoint.open(directory), "it", manager, options("auto"));
        assertThat(network).isInstanceOf(MistralModel.class);
        long stored = 0;
        for (Tensor tensor : Safetensors.read(directory.resolve("model.safetensors")).values()) {
            stored += tensor.elements();
        }
        assertThat(network.config().parameterCount()).isEqualTo(stored);
        assertThat(network.weightBytes()).isEqualTo(4 * stored);
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(() -> MistralForCausalLM.load(directory, manager, options("auto")))
                .withMessageContaining("is a MistralModel, not a MistralForCausalLM");
    }

    @Test
    void parametersOfTheOtherHeads() throws Exception {
        for (String name : List.of("single-label", "token", "question", "embedding")) {
            long stored = 0;
            Path directory = Reference.directory("heads/" + name);
            for (Tensor tensor :
                    Safetensors.read(directory.resolve("model.safetensors")).values()) {
                stored += tensor.elements();
            }
            assertThat(MistralConfig.read(directory).parameterCount()).isEqualTo(stored);
        }
    }
}
