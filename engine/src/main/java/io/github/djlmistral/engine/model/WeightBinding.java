/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.internal.Faults;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Binds weights to a network by name: unquantized weights become the values of its parameters,
 * frozen; quantized weights replace the parameters of linear layers and of the embedding.
 *
 * @param network the root block, which defines the names
 * @param model the model within it
 * @param tiedHead the output layer if it shares the weight of the embedding, or null
 * @param manager the manager of the arrays
 */
record WeightBinding(
        MistralBlock network,
        MistralBackbone model,
        @Nullable MistralLinear tiedHead,
        NDManager manager) {

    static final String EMBEDDING = "model.embed_tokens.weight";

    /**
     * Binds the weights.
     *
     * @param weights the weights, by their names in a Hugging Face checkpoint
     * @param source where they are from, for messages
     * @return the files that the network reads its weights from, all others having been copied
     * @throws MalformedModelException if the weights do not match the parameters, naming those that
     *     are missing, unexpected or of another shape
     */
    SourceFiles bind(Weights weights, String source) throws MalformedModelException {
        check(weights, source);
        Kernels kernels = model.kernels();
        Map<String, MistralLinear> linears = network.namedLinears();
        weights.quantized()
                .forEach(
                        (name, weight) -> {
                            MistralLinear linear = linears.get(name);
                            if (name.equals(EMBEDDING)) {
                                model.quantizeEmbedding(weight);
                                linear = tiedHead;
                            }
                            if (linear != null) {
                                linear.quantize(kernels.quantized(manager, weight));
                            }
                        });
        Map<String, Tensor> mapped = new LinkedHashMap<>(weights.unquantized());
        mapped.values().removeIf(tensor -> !isInPlace(tensor) || isReadOnly(tensor));
        for (Map.Entry<String, Parameter> entry : network.namedParameters().entrySet()) {
            Parameter parameter = entry.getValue();
            // setArray() requires that no shape is set
            parameter.setShape(null);
            Tensor tensor = Objects.requireNonNull(weights.unquantized().get(entry.getKey()));
            NDArray array = writable(tensor);
            // Read here once, since DJL caches it on the first call without a memory barrier, and
            // passes share the array: another thread could see a shape without dimensions.
            array.getShape();
            // first: engines without gradients refuse to change an array's
            parameter.freeze(true);
            parameter.setArray(array);
        }
        // marks the blocks as initialized; parameters keep their values
        network.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
        return SourceFiles.of(new Weights(mapped, weights.quantized()).tensors());
    }

    private void check(Weights weights, String source) throws MalformedModelException {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        weights.unquantized().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        weights.quantized().forEach((name, weight) -> shapes.put(name, shape(weight)));
        Map<String, Parameter> parameters = network.namedParameters();
        Faults faults = new Faults();
        parameters.forEach(
                (name, parameter) -> {
                    long[] shape = shapes.get(name);
                    long[] expected = parameter.getShape().getShape();
                    if (shape == null) {
                        faults.add(name + " is missing");
                    } else if (!Arrays.equals(shape, expected)) {
                        faults.add(
                                name
                                        + " has the shape "
                                        + Arrays.toString(shape)
                                        + " instead of "
                                        + Arrays.toString(expected)
                                        + (name.startsWith("score.")
                                                ? " (one row for each label: id2label or num_labels"
                                                        + " in config.json)"
                                                : ""));
                    }
                });
        for (String name : shapes.keySet()) {
            // old files contain the rotary frequencies; files of tied models may repeat the table
            boolean ignored =
                    name.endsWith("rotary_emb.inv_freq")
                            || (tiedHead != null && name.equals("lm_head.weight"));
            if (!parameters.containsKey(name) && !ignored) {
                faults.add(name + " is unexpected");
            }
        }
        if (!faults.isEmpty()) {
            throw new MalformedModelException(
                    "the weights in "
                            + source
                            + " do not match the configuration: "
                            + faults
                            + ". Is config.json that of these weights?");
        }
    }

    private static long[] shape(QuantizedWeight weight) {
        return new long[] {weight.rows(), weight.columns()};
    }

    /** Returns whether an array created from a tensor shares its memory. */
    private boolean isInPlace(Tensor tensor) {
        return tensor.dtype() == model.kernels().dtype()
                && !manager.getDevice().isGpu()
                && DjlEngine.of(manager).sharesMemory();
    }

    private static boolean isReadOnly(Tensor tensor) {
        return tensor.data().isReadOnly();
    }

    /** Loads an array that may be modified in place: in read-only memory that crashes the JVM. */
    private NDArray writable(Tensor tensor) {
        NDArray array = model.kernels().load(manager, tensor);
        if (!isReadOnly(tensor) || !isInPlace(tensor)) {
            return array;
        }
        try (array) {
            return array.duplicate();
        }
    }
}
