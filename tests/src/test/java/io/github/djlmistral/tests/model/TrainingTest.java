/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients of all parameters equal the reference's. */
class TrainingTest extends Fixture {

    /**
     * Cross entropy of the next token, averaged over the labels that are not ignored. Shift, mask
     * and mean are written out, because DJL's casts carry no gradient.
     */
    private NDArray loss(MistralForCausalLM network, NDArray ids, NDArray labels) {
        NDArray logits =
                network.forward(parameters, ForwardInput.ofIds(ids), true).logits().get(":, :-1");
        NDArray next = labels.get(":, 1:");
        NDArray counts = next.gte(0).toType(DataType.FLOAT32, false);
        NDArray wanted = next.maximum(0).expandDims(-1);
        NDArray chosen = logits.logSoftmax(-1).gather(wanted, -1).squeeze(-1);
        return chosen.mul(counts).sum().div(counts.sum()).neg();
    }

    /**
     * A gradient is a sum of products of factors as accurate as the logits: 1e-4 at a standard
     * deviation of 2.5. Its error is bounded relative to the largest gradient of its tensor.
     */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void lossAndGradientsAreTheReferences(String kernels) throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        MistralForCausalLM network = load("window8-f32", kernels);
        Map<String, Parameter> weights = network.namedParameters();
        NDArray ids = reference.array(manager, "single.input_ids");
        NDArray labels = reference.array(manager, "labels");
        float[][] before = logits(network, ids.toLongArray());
        weights.values().forEach(parameter -> parameter.freeze(false));
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray loss = loss(network, ids, labels);
            assertThat(loss.getFloat())
                    .isCloseTo(reference.array(manager, "loss").getFloat(), within(LOGITS));
            collector.backward(loss);
        }
        int recorded = 0;
        for (Map.Entry<String, Parameter> weight : weights.entrySet()) {
            NDArray gradient = weight.getValue().getArray().getGradient();
            assertThat(gradient.abs().max().getFloat()).as(weight.getKey()).isPositive();
            if (reference.has("grad." + weight.getKey())) {
                NDArray expected = reference.array(manager, "grad." + weight.getKey());
                double largest = expected.abs().max().getFloat();
                assertClose(gradient, expected, LOGITS * largest);
                ++recorded;
            }
        }
        assertThat(recorded).isEqualTo(7);
        // inference is unchanged
        float[][] after = logits(network, ids.toLongArray());
        for (int i = 0; i < before.length; ++i) {
            assertClose(after[i], before[i], LOGITS);
        }
    }

    /** Frozen parameters have no gradient, and do not change those of the others. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void frozenParametersGetNoGradient(String kernels) throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        MistralForCausalLM network = load("window8-f32", kernels);
        Map<String, Parameter> weights = network.namedParameters();
        String name = "model.layers.0.self_attn.q_proj.weight";
        assertThat(weights.values()).noneMatch(Parameter::requiresGradient);
        weights.get(name).freeze(false);
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            collector.backward(
                    loss(
                            network,
                            reference.array(manager, "single.input_ids"),
                            reference.array(manager, "labels")));
        }
        NDArray expected = reference.array(manager, "grad." + name);
        assertClose(
                weights.get(name).getArray().getGradient(),
                expected,
                LOGITS * expected.abs().max().getFloat());
        assertThat(weights.get("lm_head.weight").getArray().hasGradient()).isFalse();
    }
}
