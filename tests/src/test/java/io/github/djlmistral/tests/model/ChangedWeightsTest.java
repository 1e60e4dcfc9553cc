/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Forward passes use the current weights, however DJL changed them: the kernels under test agree
 * with the reference kernels over the same parameters.
 */
class ChangedWeightsTest extends Fixture {

    private static final long[] PROMPT = {5, 70, 8};

    private MistralForCausalLM network(String kernels, long seed) throws Exception {
        assumeAvailable(kernels);
        MistralConfig config = RandomNetwork.config(0);
        MistralForCausalLM network =
                RandomNetwork.load(
                        config, "float32", manager, new ComputeOptions(kernels, "float32"));
        if (seed > 0) {
            network.namedParameters()
                    .values()
                    .forEach(parameter -> parameter.getArray().muli(1 + seed / 10.0));
        }
        return network;
    }

    /** The logits of a prompt and of a token after it, both with a cache: as generation asks. */
    private float[] generated(MistralForCausalLM network) {
        try (NDManager scope = manager.newSubManager();
                KvCache cache = network.newCache(scope)) {
            NDArray prompt = scope.create(PROMPT, new Shape(1, PROMPT.length));
            NDArray next = scope.create(new long[] {9}, new Shape(1, 1));
            NDArray first =
                    network.forward(parameters, ForwardInput.ofIds(prompt).cache(cache), false)
                            .logits();
            NDArray second =
                    network.forward(parameters, ForwardInput.ofIds(next).cache(cache), false)
                            .logits();
            return first.concat(second, 1).toFloatArray();
        }
    }

    /**
     * Checks that the network computes with its parameters as they are now, and not as before.
     *
     * @param before the logits before the change
     */
    private void assertCurrent(MistralForCausalLM network, float[] before) {
        float[] expected = generated(through(new ReferenceKernels(), network));
        float[] actual = generated(network);
        float largest = 0;
        float change = 0;
        for (int i = 0; i < expected.length; ++i) {
            largest = Math.max(largest, Math.abs(expected[i]));
            change = Math.max(change, Math.abs(expected[i] - before[i]));
        }
        // two orders of float32 summation differ by 1e-5 of the largest logit here
        assertClose(actual, expected, 1e-4f * largest);
        assertThat(change).isGreaterThan(1e-2f * largest);
    }

    @ParameterizedTest
    @CsvSource({
        "reference, model.norm.weight",
        "torch, model.norm.weight",
        "native, model.norm.weight",
        "native, model.layers.1.input_layernorm.weight",
        "native, model.layers.0.post_attention_layernorm.weight",
        "torch, model.layers.1.mlp.up_proj.weight",
        "native, model.layers.1.mlp.up_proj.weight",
        "native, model.embed_tokens.weight",
        "native, lm_head.weight"
    })
    void changedInPlace(String kernels, String name) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        network.namedParameters().get(name).getArray().muli(-2);
        assertCurrent(network, before);
    }

    /** DJL then gives the array other memory. */
    @ParameterizedTest
    @CsvSource({
        "reference, model.norm.weight",
        "torch, model.norm.weight",
        "native, model.norm.weight",
        "torch, model.layers.0.self_attn.o_proj.weight",
        "native, model.layers.0.self_attn.o_proj.weight"
    })
    void setFromABuffer(String kernels, String name) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        NDArray array = network.namedParameters().get(name).getArray();
        float[] old = array.toFloatArray();
        ByteBuffer direct = ByteBuffer.allocateDirect(4 * old.length);
        direct.order(ByteOrder.nativeOrder());
        for (float value : old) {
            direct.putFloat(-value);
        }
        array.set(direct.flip());
        assertCurrent(network, before);
    }

    @ParameterizedTest
    @CsvSource({
        "reference, model.norm.weight",
        "torch, model.norm.weight",
        "native, model.norm.weight",
        "torch, model.layers.0.mlp.down_proj.weight",
        "native, model.layers.0.mlp.down_proj.weight"
    })
    void replacedByAnotherArray(String kernels, String name) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        Parameter parameter = network.namedParameters().get(name);
        NDArray other = parameter.getArray().mul(-1.5);
        parameter.close();
        parameter.setShape(null);
        parameter.setArray(other);
        assertCurrent(network, before);
    }

    /** An array that is not contiguous cannot be read in place. */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void replacedByATransposedArray(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        Parameter parameter =
                network.namedParameters().get("model.layers.0.self_attn.q_proj.weight");
        NDArray other = parameter.getArray().transpose().mul(2).transpose();
        parameter.close();
        parameter.setShape(null);
        parameter.setArray(other.transpose().duplicate().transpose());
        assertCurrent(network, before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void loadedFromAnotherNetworksParameters(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        MistralForCausalLM other = network("reference", 3);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        other.saveParameters(new DataOutputStream(bytes));
        network.loadParameters(
                manager, new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
        assertCurrent(network, before);
        float[] expected = generated(other);
        assertClose(generated(network), expected, 1e-4f * Math.abs(max(expected)));
    }

    private static float max(float[] values) {
        float max = 0;
        for (float value : values) {
            max = Math.max(max, Math.abs(value));
        }
        return max;
    }

    /** A step of gradient descent, and generation before and after it is frozen again. */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void trained(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels, 0);
        float[] before = generated(network);
        network.freezeParameters(false);
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray ids = manager.create(PROMPT, new Shape(1, PROMPT.length));
            collector.backward(
                    network.forward(parameters, ForwardInput.ofIds(ids), true)
                            .logits()
                            .square()
                            .mean());
        }
        for (Parameter parameter : network.namedParameters().values()) {
            NDArray gradient = parameter.getArray().getGradient();
            double largest = gradient.abs().max().getFloat();
            parameter.freeze(true); // or PyTorch records the update
            parameter.getArray().subi(gradient.mul(0.1 / largest));
            parameter.freeze(false);
        }
        assertCurrent(network, before);
        network.freezeParameters(true);
        assertCurrent(network, before);
    }
}
