/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.FloatBuffer;
import java.util.Random;

/** Adapters with random values: a new one does not change the network. */
public final class Adapters {

    private Adapters() {}

    /** Fills every matrix of a new adapter with normally distributed numbers. */
    public static Adapter random(
            MistralForCausalLM network, LoraConfig config, long seed, double deviation) {
        Adapter adapter = network.newAdapter(config, seed);
        Random random = new Random(seed);
        for (Tensor tensor : adapter.tensors().values()) {
            FloatBuffer elements = tensor.data().asFloatBuffer();
            while (elements.hasRemaining()) {
                elements.put((float) (deviation * random.nextGaussian()));
            }
        }
        return adapter;
    }

    /** Fills the matrices of all linear layers of the decoder. */
    public static Adapter random(MistralForCausalLM network, long seed, double deviation) {
        LoraConfig config =
                LoraConfig.builder().r(3).alpha(5).targetModules(LoraConfig.ALL_LINEAR).build();
        return random(network, config, seed, deviation);
    }
}
