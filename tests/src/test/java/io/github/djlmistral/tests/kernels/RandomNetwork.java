/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Networks with random weights of each storage format. */
public final class RandomNetwork {

    /** Storage formats of the weights. */
    static final List<String> KINDS =
            List.of(
                    "float32",
                    "bfloat16",
                    "float16",
                    "int4 g32",
                    "int4 g64 offsets",
                    "int4 g128 f32",
                    "int4 g64 f32 offsets",
                    "int4 g32 order",
                    "int8 g16",
                    "int8 g32 f32 offsets",
                    "nf4 g64");

    private RandomNetwork() {}

    /** An awkward shape: rows that do not fill a tile, an odd vocabulary size. */
    public static MistralConfig config(int window) {
        return MistralConfig.parse(
                """
                {"vocab_size": 77, "hidden_size": 128, "intermediate_size": 384,
                 "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2,
                 "head_dim": 32, "max_position_embeddings": 2048, "sliding_window": %s}
                """
                        .formatted(window == 0 ? "null" : window));
    }

    /**
     * Makes the weights of a network.
     *
     * @param config its shape
     * @param kind the type of its numbers; or how {@link Matrices#of} makes its matrices, all but
     *     the table of embeddings, and the rest is float32
     */
    public static Weights weights(MistralConfig config, String kind) {
        boolean plain = !kind.contains("g");
        Dtype dtype = plain ? Dtype.of(kind) : Dtype.FLOAT32;
        Random random = new Random(7);
        Map<String, Tensor> numbers = new LinkedHashMap<>();
        Map<String, QuantizedWeight> matrices = new LinkedHashMap<>();
        KernelChoice none = new KernelChoice(new ReferenceKernels(), "for its names");
        new MistralForCausalLM(config, none)
                .namedParameters()
                .forEach(
                        (name, parameter) -> {
                            long[] shape = parameter.getShape().getShape();
                            int columns = (int) shape[shape.length - 1];
                            boolean norm = shape.length == 1;
                            boolean table = name.contains("embed");
                            if (plain || norm || table) {
                                float mean = norm ? 1 : 0;
                                float most =
                                        norm ? 0.2f : table ? 1.7f : Matrices.largest(columns) / 2;
                                Tensor tensor =
                                        Matrices.numbers(
                                                dtype, mean - most, mean + most, random, shape);
                                numbers.put(name, tensor);
                            } else {
                                long seed = random.nextLong();
                                matrices.put(
                                        name, Matrices.of(kind, (int) shape[0], columns, seed));
                            }
                        });
        return new Weights(numbers, matrices);
    }

    /** Makes a network with {@link #weights}. */
    public static MistralForCausalLM load(
            MistralConfig config, String kind, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        return MistralForCausalLM.of(config, weights(config, kind), "random", manager, options);
    }
}
