/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.Pair;
import java.util.LinkedHashMap;
import java.util.Map;

/** Base class of the blocks: creates parameters and names them as in a checkpoint. */
abstract class MistralBlock extends AbstractBlock {

    /** Name of the parameter of a linear layer, embedding or norm in checkpoints. */
    static final String WEIGHT = "weight";

    /** Name of the parameter that a linear layer adds to its outputs. */
    static final String BIAS = "bias";

    private static final byte VERSION = 1;

    MistralBlock() {
        super(VERSION);
    }

    /**
     * Adds the weight of an embedding or norm.
     *
     * @param name the name within this block, as in a checkpoint without {@code .weight}
     * @param shapes the shapes of this block's parameters
     * @param initializer its initializer if the network is not loaded
     * @return the parameter
     */
    final Parameter addWeight(String name, ParameterShapes shapes, Initializer initializer) {
        return addParameter(parameter(name, initializer, shapes.within(name).get(WEIGHT)));
    }

    /** Adds a linear layer, see {@link #addWeight}. */
    final MistralLinear addLinear(String name, ParameterShapes shapes, Initializer initializer) {
        return addChildBlock(name, new MistralLinear(shapes.within(name), initializer));
    }

    /** Makes a parameter that belongs to no block yet. */
    static Parameter parameter(String name, Initializer initializer, Shape shape) {
        return Parameter.builder()
                .setName(name)
                .setType(Parameter.Type.WEIGHT)
                .optShape(shape)
                .optInitializer(initializer)
                .build();
    }

    /**
     * Returns all parameters by their names in Hugging Face checkpoints.
     *
     * @return the parameters, such as {@code model.layers.0.self_attn.q_proj.weight}, in the order
     *     of the network
     */
    public final Map<String, Parameter> namedParameters() {
        Map<String, Parameter> named = new LinkedHashMap<>();
        collect(this, "", named);
        return named;
    }

    private static void collect(MistralBlock block, String prefix, Map<String, Parameter> named) {
        for (Pair<String, Parameter> entry : block.getDirectParameters()) {
            String name = entry.getKey();
            boolean complete = name.equals(WEIGHT) || name.equals(BIAS);
            named.put(prefix + (complete ? name : name + "." + WEIGHT), entry.getValue());
        }
        for (Pair<String, Block> child : block.children) {
            collect((MistralBlock) child.getValue(), prefix + name(child) + ".", named);
        }
    }

    /**
     * Returns the linear layers by the names of their weights, see {@link #namedParameters}.
     *
     * @return the layers that do not share their parameter, in the order of the network
     */
    final Map<String, MistralLinear> namedLinears() {
        Map<String, MistralLinear> named = new LinkedHashMap<>();
        collectLinears(this, "", named);
        return named;
    }

    private static void collectLinears(
            MistralBlock block, String prefix, Map<String, MistralLinear> named) {
        if (block instanceof MistralLinear linear) {
            named.put(prefix + WEIGHT, linear);
        }
        for (Pair<String, Block> child : block.children) {
            collectLinears((MistralBlock) child.getValue(), prefix + name(child) + ".", named);
        }
    }

    /** Removes the number that DJL puts in front of children, as in "01layers.0". */
    private static String name(Pair<String, Block> child) {
        return child.getKey().replaceFirst("^\\d+", "");
    }

    @Override
    protected final void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        for (Pair<String, Block> child : children) {
            child.getValue().initialize(manager, dataType, inputShapes);
        }
    }

    /** Layers map hidden states to hidden states. */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }
}
