/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.NormalInitializer;
import io.github.djlmistral.engine.internal.quantization.GgufWeights;
import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.internal.weights.ConsolidatedLayout;
import io.github.djlmistral.engine.internal.weights.TensorNames;
import io.github.djlmistral.engine.quantization.InsufficientMemoryException;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufTensor;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The configuration and weights of a checkpoint. Unquantized weights are memory-mapped, not read.
 *
 * @param config the configuration
 * @param weights the weights, with the names and layout of Hugging Face
 */
public record MistralCheckpoint(MistralConfig config, Weights weights) {

    /**
     * Opens a checkpoint: {@code config.json} with {@code *.safetensors}, or {@code params.json}
     * with {@code consolidated.safetensors}, or a GGUF file. Quantized weights are read according
     * to the {@code quantization_config} in {@code config.json}; those of a GGUF file are repacked.
     *
     * @param path the directory, the GGUF file, or a directory that contains only a GGUF file
     * @return the checkpoint
     * @throws IOException if files are missing or cannot be read, or their quantization is not
     *     supported
     * @throws UncheckedIOException if a file is changed meanwhile, see {@link SourceFiles#check}
     */
    public static MistralCheckpoint open(Path path) throws IOException {
        Optional<Path> file = Gguf.find(path);
        if (file.isPresent()) {
            Gguf gguf = Gguf.open(file.get());
            MistralConfig config = GgufConfig.of(gguf);
            int heads = config.numAttentionHeads();
            Weights weights = GgufWeights.of(gguf, heads, config.numKeyValueHeads());
            SourceFiles.of(weights.tensors()).check();
            return new MistralCheckpoint(config, weights);
        }
        MistralConfig config = MistralConfig.read(path);
        Checkpoint checkpoint = Checkpoint.open(path);
        Map<String, Tensor> tensors = checkpoint.tensors();
        tensors =
                checkpoint.consolidated()
                        ? ConsolidatedLayout.toHuggingFace(
                                tensors, config.numAttentionHeads(), config.numKeyValueHeads())
                        : prefixed(tensors);
        Weights weights =
                QuantizedCheckpoint.read(
                        path, tensors, config.quantizationConfig(), matrices(config));
        SourceFiles.of(checkpoint.tensors().values().stream()).check();
        return new MistralCheckpoint(config, weights);
    }

    /**
     * Renames tensors of checkpoints of {@code MistralModel}, which lack the prefix that the
     * backbone has in the other networks: {@code norm.weight} to {@code model.norm.weight}.
     */
    private static Map<String, Tensor> prefixed(Map<String, Tensor> tensors) {
        Map<String, Tensor> renamed = new LinkedHashMap<>();
        tensors.forEach(
                (name, tensor) -> {
                    String full = TensorNames.prefixed(name);
                    boolean same = full.equals(name) || tensors.containsKey(full);
                    renamed.put(same ? name : full, same ? tensor : tensor.renamed(full));
                });
        return renamed;
    }

    /**
     * Returns the size that a quantized tensor of a GGUF file has once it is loaded, without
     * loading it.
     *
     * @param tensor a tensor of a quantized type
     * @return the size in bytes of the {@code Int4}, {@code Int6} or {@code Int8} it is converted
     *     to
     * @throws IllegalArgumentException if the tensor is not a quantized matrix, or too large
     */
    public static long bytes(GgufTensor tensor) {
        return GgufWeights.bytes(tensor);
    }

    /** Returns the shapes of what may be a matrix, that of the output layer even if it is tied. */
    private static Map<String, long[]> matrices(MistralConfig config) {
        Map<String, long[]> shapes = new HashMap<>();
        config.parameterShapes().forEach((name, shape) -> shapes.put(name, shape.getShape()));
        shapes.putIfAbsent("lm_head.weight", shapes.get(WeightBinding.EMBEDDING));
        return shapes;
    }

    /**
     * Quantizes the weights.
     *
     * @param quantization the quantization
     * @return the same configuration with quantized weights
     * @throws IllegalArgumentException if the weights are already quantized, or cannot be
     * @throws InsufficientMemoryException if the result does not fit into memory
     * @throws UncheckedIOException if a file was changed, see {@link SourceFiles#check}
     */
    public MistralCheckpoint quantized(Quantization quantization) {
        SourceFiles.of(weights.tensors()).check();
        Weights result = quantization.apply(withoutCopies().weights);
        SourceFiles.of(weights.tensors()).check();
        return new MistralCheckpoint(config, result);
    }

    /**
     * Adds a freshly initialized head, to be trained, to a checkpoint without one: its weight is
     * drawn from the normal distribution with the standard deviation {@code initializer_range} by
     * the random generator of DJL's engine ({@code Engine.setRandomSeed}), its bias is zero. An
     * output layer that the checkpoint has for a causal language model is dropped.
     *
     * @param architecture {@code MistralForSequenceClassification}, {@code
     *     MistralForTokenClassification} or {@code MistralForQuestionAnswering}
     * @param labels the classes; of no effect for question answering
     * @param manager a manager of the engine; the result does not depend on it
     * @return the checkpoint of this architecture, which shares the other weights
     * @throws IllegalArgumentException if the checkpoint has such a head already, or the
     *     architecture is another
     */
    public MistralCheckpoint withNewHead(
            String architecture, LabelConfig labels, NDManager manager) {
        Architecture stored = Architecture.orCausalLm(config.architecture());
        if (!stored.isBase()) {
            throw new IllegalArgumentException(
                    "the checkpoint is a "
                            + stored
                            + " already, so it gets no new head: load it as it is, or choose a"
                            + " checkpoint without such a head");
        }
        Architecture wanted = Architecture.of(architecture);
        if (wanted == null || wanted.isBase()) {
            throw new IllegalArgumentException(
                    "there is no new head for "
                            + architecture
                            + ", only for "
                            + Architecture.withNewHead());
        }
        MistralConfig changed =
                config.toBuilder()
                        .architecture(architecture)
                        .labels(
                                wanted == Architecture.QUESTION_ANSWERING
                                        ? LabelConfig.DEFAULT
                                        : labels)
                        .build();
        Map<String, Tensor> plain = new LinkedHashMap<>(weights.unquantized());
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>(weights.quantized());
        plain.remove("lm_head.weight");
        quantized.remove("lm_head.weight");
        ParameterShapes shapes = ParameterShapes.of(changed, wanted).within(wanted.head());
        Shape shape = shapes.get(MistralBlock.WEIGHT);
        Tensor weight = Tensor.allocate(wanted.head() + ".weight", Dtype.FLOAT32, shape.getShape());
        try (NDArray drawn =
                new NormalInitializer((float) config.initializerRange())
                        .initialize(manager, shape, DataType.FLOAT32)) {
            weight.data().asFloatBuffer().put(drawn.toFloatArray());
        }
        plain.put(weight.name(), weight);
        if (shapes.has(MistralBlock.BIAS)) {
            Tensor bias =
                    Tensor.allocate(
                            wanted.head() + ".bias",
                            Dtype.FLOAT32,
                            shapes.get(MistralBlock.BIAS).getShape());
            plain.put(bias.name(), bias);
        }
        return new MistralCheckpoint(changed, new Weights(plain, quantized));
    }

    /**
     * Drops the copy of the embedding table that checkpoints with tied embeddings may store as
     * {@code lm_head.weight}.
     *
     * @return the checkpoint without it
     */
    public MistralCheckpoint withoutCopies() {
        if (!config.tieWordEmbeddings()) {
            return this;
        }
        Map<String, Tensor> plain = new LinkedHashMap<>(weights.unquantized());
        plain.remove("lm_head.weight");
        return new MistralCheckpoint(config, new Weights(plain, weights.quantized()));
    }
}
