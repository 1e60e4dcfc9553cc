/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The names and shapes of the parameters of a network, seen from one of its blocks. The blocks
 * create their parameters by it, see {@link MistralConfig#parameterShapes}.
 *
 * @param shapes the shapes of all parameters, by their names in checkpoints
 * @param block the name of the block with a dot behind it, empty for the network
 */
record ParameterShapes(Map<String, Shape> shapes, String block) {

    /** Returns those of a network with the head of an architecture, in the order of checkpoints. */
    static ParameterShapes of(MistralConfig config, Architecture architecture) {
        long hidden = config.hiddenSize();
        long inner = config.intermediateSize();
        long queries = (long) config.numAttentionHeads() * config.headDim();
        long keys = (long) config.numKeyValueHeads() * config.headDim();
        Shape table = new Shape(config.vocabSize(), hidden);
        Shape norm = new Shape(hidden);
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", table);
        for (int i = 0; i < config.numHiddenLayers(); ++i) {
            String layer = "model.layers." + i + ".";
            shapes.put(layer + "self_attn.q_proj.weight", new Shape(queries, hidden));
            shapes.put(layer + "self_attn.k_proj.weight", new Shape(keys, hidden));
            shapes.put(layer + "self_attn.v_proj.weight", new Shape(keys, hidden));
            shapes.put(layer + "self_attn.o_proj.weight", new Shape(hidden, queries));
            shapes.put(layer + "mlp.gate_proj.weight", new Shape(inner, hidden));
            shapes.put(layer + "mlp.up_proj.weight", new Shape(inner, hidden));
            shapes.put(layer + "mlp.down_proj.weight", new Shape(hidden, inner));
            shapes.put(layer + "input_layernorm.weight", norm);
            shapes.put(layer + "post_attention_layernorm.weight", norm);
        }
        shapes.put("model.norm.weight", norm);
        String head = architecture.head();
        boolean tied = architecture == Architecture.CAUSAL_LM && config.tieWordEmbeddings();
        if (!head.isEmpty() && !tied) {
            int outputs = architecture.outputs(config);
            shapes.put(head + ".weight", new Shape(outputs, hidden));
            if (architecture.biased()) {
                shapes.put(head + ".bias", new Shape(outputs));
            }
        }
        return new ParameterShapes(shapes, "");
    }

    /** Returns the shapes seen from a block within this one. */
    ParameterShapes within(String name) {
        return new ParameterShapes(shapes, block + name + ".");
    }

    /** Returns whether the block has a parameter of this name. */
    boolean has(String parameter) {
        return shapes.containsKey(block + parameter);
    }

    /** Returns the shape of a parameter of the block. */
    Shape get(String parameter) {
        return Objects.requireNonNull(shapes.get(block + parameter), block + parameter);
    }
}
