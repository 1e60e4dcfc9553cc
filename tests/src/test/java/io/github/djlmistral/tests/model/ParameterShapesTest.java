/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralModel;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The parameters that a configuration describes are those of the network and its checkpoint. */
class ParameterShapesTest extends Fixture {

    /** All widths differ, and the heads are wider than the hidden states divided among them. */
    private static final MistralConfig CONFIG =
            MistralConfig.builder()
                    .vocabSize(23)
                    .hiddenSize(12)
                    .intermediateSize(19)
                    .numHiddenLayers(2)
                    .numAttentionHeads(3)
                    .numKeyValueHeads(1)
                    .headDim(10)
                    .labels(new LabelConfig(List.of("sea", "ship", "bird", "storm", "oar"), null))
                    .build();

    static Stream<Arguments> networks() {
        return Stream.of(
                network("MistralModel", MistralModel::new),
                network("MistralForCausalLM", MistralForCausalLM::new),
                network("MistralForQuestionAnswering", MistralForQuestionAnswering::new),
                network("MistralForSequenceClassification", MistralForSequenceClassification::new),
                network("MistralForTokenClassification", MistralForTokenClassification::new));
    }

    private static Arguments network(
            String name, BiFunction<MistralConfig, KernelChoice, MistralPreTrainedModel> made) {
        return Arguments.of(name, made);
    }

    @ParameterizedTest
    @MethodSource("networks")
    void ofNetworks(
            String name, BiFunction<MistralConfig, KernelChoice, MistralPreTrainedModel> made) {
        KernelChoice kernels =
                KernelChoice.of(
                        manager, new ComputeOptions("reference", "float32"), Dtype.FLOAT32, 0);
        for (boolean tied : new boolean[] {false, true}) {
            MistralConfig config =
                    CONFIG.toBuilder().architecture(name).tieWordEmbeddings(tied).build();
            Map<String, Shape> shapes = new LinkedHashMap<>();
            made.apply(config, kernels)
                    .namedParameters()
                    .forEach((parameter, value) -> shapes.put(parameter, value.getShape()));
            assertThat(config.parameterShapes()).containsExactlyInAnyOrderEntriesOf(shapes);
        }
    }

    /** As transformers stored them. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "checkpoints/window8-f32",
                "heads/embedding",
                "heads/question",
                "heads/single-label",
                "heads/token"
            })
    void ofCheckpoints(String checkpoint) throws Exception {
        Path directory = Reference.directory(checkpoint);
        Map<String, Shape> shapes = new LinkedHashMap<>();
        Safetensors.read(directory.resolve("model.safetensors"))
                .forEach(
                        (name, tensor) ->
                                shapes.put(
                                        name.matches("(embed_tokens|layers|norm)\\..*")
                                                ? "model." + name
                                                : name,
                                        new Shape(tensor.shape())));
        assertThat(MistralConfig.read(directory).parameterShapes())
                .containsExactlyInAnyOrderEntriesOf(shapes);
    }

    /** {@code [n for n, _ in model.named_parameters()]} of transformers. */
    @Test
    void order() {
        assertThat(CONFIG.toBuilder().numHiddenLayers(1).build().parameterShapes().keySet())
                .containsExactly(
                        "model.embed_tokens.weight",
                        "model.layers.0.self_attn.q_proj.weight",
                        "model.layers.0.self_attn.k_proj.weight",
                        "model.layers.0.self_attn.v_proj.weight",
                        "model.layers.0.self_attn.o_proj.weight",
                        "model.layers.0.mlp.gate_proj.weight",
                        "model.layers.0.mlp.up_proj.weight",
                        "model.layers.0.mlp.down_proj.weight",
                        "model.layers.0.input_layernorm.weight",
                        "model.layers.0.post_attention_layernorm.weight",
                        "model.norm.weight",
                        "lm_head.weight");
    }
}
