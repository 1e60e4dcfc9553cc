/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code "is_causal": false}: tokens attend to those after them as well. {@link
 * LastHiddenStateTest} compares the values with the reference's.
 */
class BidirectionalTest extends Fixture {

    private static final float MASKED = AttentionMask.MASKED;
    private static final String BIDIRECTIONAL = "\"is_causal\": false,";

    @TempDir Path temporary;

    /** A copy of a checkpoint with another key in its configuration. */
    private Path with(String key, String checkpoint) throws Exception {
        Path original = Reference.directory(checkpoint);
        Files.copy(
                original.resolve("model.safetensors"),
                temporary.resolve("model.safetensors"),
                StandardCopyOption.REPLACE_EXISTING);
        String config = Files.readString(original.resolve("config.json"));
        Files.writeString(temporary.resolve("config.json"), config.replaceFirst("\\{", "{" + key));
        return temporary;
    }

    private float[] firstToken(String kernels, String key, long... ids) throws Exception {
        try (MistralForTokenClassification network =
                MistralForTokenClassification.load(
                        with(key, "heads/token"),
                        manager,
                        new ComputeOptions(kernels, "float32"))) {
            ForwardInput input = ForwardInput.ofIds(manager.create(ids).reshape(1, -1));
            return rows(network.forward(parameters, input, false).logits())[0];
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "auto"})
    void theFirstTokenSeesTheLast(String kernels) throws Exception {
        float[] causal = firstToken(kernels, "", 5, 6, 7);
        assertThat(firstToken(kernels, "", 5, 6, 8)).isEqualTo(causal);
        float[] seven = firstToken(kernels, BIDIRECTIONAL, 5, 6, 7);
        float[] eight = firstToken(kernels, BIDIRECTIONAL, 5, 6, 8);
        assertThat(seven).isNotEqualTo(causal);
        assertThat(seven).isNotEqualTo(eight);
    }

    /** Unlike the causal window, this one reaches {@code window} tokens beyond the query. */
    @Test
    void theWindowReachesInBothDirections() {
        NDArray mask =
                AttentionMask.bidirectional(manager, 1, 4, 1, (row, position) -> position == 3);
        assertThat(mask.getShape()).isEqualTo(new Shape(1, 1, 4, 4));
        float[][] expected = {
            {0, 0, MASKED, MASKED},
            {0, 0, 0, MASKED},
            {MASKED, 0, 0, MASKED},
            {MASKED, MASKED, 0, MASKED}
        };
        assertThat(rows(mask)).isDeepEqualTo(expected);
        assertThat(AttentionMask.bidirectional(manager, 2, 3, 0, null).toFloatArray())
                .containsOnly(0)
                .hasSize(18);
    }

    @Test
    void attentionWeightsOfTheFirstToken() throws Exception {
        try (MistralForTokenClassification network =
                MistralForTokenClassification.load(
                        with(BIDIRECTIONAL, "heads/token"),
                        manager,
                        new ComputeOptions("torch", "float32"))) {
            NDArray ids = manager.create(new long[] {5, 6, 7}).reshape(1, -1);
            ForwardOutput output =
                    network.forward(parameters, ForwardInput.ofIds(ids).outputAttentions(), false);
            for (float weight : output.attentions().get(0).toFloatArray()) {
                assertThat(weight).isPositive();
            }
        }
    }

    @Test
    void generatesNoText() throws Exception {
        ComputeOptions options = new ComputeOptions("auto", "float32");
        MistralForCausalLM causal =
                MistralForCausalLM.load(with("", "checkpoints/window8-f32"), manager, options);
        KvCache cache = causal.newCache(manager);
        MistralForCausalLM network =
                MistralForCausalLM.load(
                        with(BIDIRECTIONAL, "checkpoints/window8-f32"), manager, options);
        String message = "is_causal is false in config.json";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Generator(network, manager, null))
                .withMessageContaining(message);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> network.newCache(manager))
                .withMessageContaining(message);
        ForwardInput input =
                ForwardInput.ofIds(manager.create(new long[] {5, 6}).reshape(1, -1)).cache(cache);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> network.forward(parameters, input, false))
                .withMessageContaining(message);
    }

    @Test
    void readFromTheConfiguration() {
        assertThat(MistralConfig.parse("{}").isCausal()).isTrue();
        MistralConfig config = MistralConfig.parse("{\"is_causal\": false}");
        assertThat(config.isCausal()).isFalse();
        assertThat(config.toBuilder().build()).isEqualTo(config);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MistralConfig.parse("{\"is_causal\": \"no\"}"))
                .withMessageContaining("is_causal");
    }
}
