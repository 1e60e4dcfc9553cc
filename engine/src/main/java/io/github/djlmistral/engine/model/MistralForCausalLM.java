/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.inference.streaming.StreamingBlock;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.ConsolidatedLayout;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Mistral with its output layer; {@code MistralForCausalLM} of the reference.
 *
 * <p>As a DJL block it takes {@code input_ids} int64 (B, T) and optionally {@code attention_mask}
 * (B, T) and {@code position_ids} (B, T), and gives {@code logits} float32 (B, T, V). A text is
 * made of it by {@link io.github.djlmistral.engine.generation}. Parameters are not changed by a
 * pass, so any number of threads may run one network.
 */
public final class MistralForCausalLM extends MistralBlock implements StreamingBlock {

    private final MistralModel model;
    private final Parameter head;
    private final String kernelReason;

    /**
     * Makes a network whose parameters have no values yet.
     *
     * @param config its shape
     * @param choice how it computes
     */
    public MistralForCausalLM(MistralConfig config, KernelChoice choice) {
        model = addChildBlock("model", new MistralModel(config, choice.kernels()));
        head =
                config.tieWordEmbeddings()
                        ? model.embedding()
                        : weight(
                                "lm_head",
                                new NormalInitializer((float) config.initializerRange()),
                                config.vocabSize(),
                                config.hiddenSize());
        kernelReason = choice.reason();
    }

    /**
     * Loads a checkpoint: {@code config.json} with {@code *.safetensors}, or {@code params.json}
     * with {@code consolidated.safetensors}. The parameters are frozen: unfreeze what is to be
     * trained.
     *
     * @param directory the checkpoint
     * @param manager keeps the weights, on its device
     * @param kernels {@code "auto"} or a name, see {@link KernelChoice#of}
     * @param dtype {@code "auto"} or a type, see {@link KernelChoice#of}
     * @return the network, ready to run
     * @throws IOException if files are missing or cannot be read
     * @throws MalformedModelException if the weights are not those of the configuration, naming
     *     every tensor that is missing, surplus or of another shape
     */
    public static MistralForCausalLM load(
            Path directory, NDManager manager, String kernels, String dtype)
            throws IOException, MalformedModelException {
        MistralConfig config = MistralConfig.read(directory);
        Checkpoint checkpoint = Checkpoint.open(directory);
        Map<String, Tensor> tensors = checkpoint.tensors();
        if (checkpoint.consolidated()) {
            tensors =
                    ConsolidatedLayout.toHuggingFace(
                            tensors, config.numAttentionHeads(), config.numKeyValueHeads());
        }
        KernelChoice choice = KernelChoice.of(manager, kernels, dtype, tensors.values());
        MistralForCausalLM network = new MistralForCausalLM(config, choice);
        network.setWeights(tensors, manager, directory);
        return network;
    }

    private void setWeights(Map<String, Tensor> tensors, NDManager manager, Path directory)
            throws MalformedModelException {
        Map<String, Parameter> parameters = namedParameters();
        checkNames(parameters, tensors, directory);
        for (Map.Entry<String, Parameter> entry : parameters.entrySet()) {
            Parameter parameter = entry.getValue();
            // a Parameter takes an array only where no shape was announced
            parameter.setShape(null);
            parameter.setArray(
                    kernels().load(manager, Objects.requireNonNull(tensors.get(entry.getKey()))));
            parameter.freeze(true);
        }
        // marks the blocks as initialized; values that are there stay
        initialize(manager, DataType.FLOAT32, new Shape(1, 1));
    }

    private void checkNames(
            Map<String, Parameter> parameters, Map<String, Tensor> tensors, Path directory)
            throws MalformedModelException {
        List<String> faults = new ArrayList<>();
        parameters.forEach(
                (name, parameter) -> {
                    Tensor tensor = tensors.get(name);
                    long[] wanted = parameter.getShape().getShape();
                    if (tensor == null) {
                        faults.add(name + " is missing");
                    } else if (!Arrays.equals(tensor.shape(), wanted)) {
                        faults.add(
                                name
                                        + " has the shape "
                                        + Arrays.toString(tensor.shape())
                                        + " instead of "
                                        + Arrays.toString(wanted));
                    }
                });
        for (String name : tensors.keySet()) {
            // files of tied models may repeat the table; old ones hold the rotary frequencies
            boolean derived =
                    name.endsWith("rotary_emb.inv_freq")
                            || (config().tieWordEmbeddings() && name.equals("lm_head.weight"));
            if (!parameters.containsKey(name) && !derived) {
                faults.add(name + " is surplus");
            }
        }
        if (!faults.isEmpty()) {
            int shown = Math.min(faults.size(), 20);
            throw new MalformedModelException(
                    "the weights in "
                            + directory
                            + " do not fit its configuration: "
                            + String.join("; ", faults.subList(0, shown))
                            + (shown < faults.size()
                                    ? "; and " + (faults.size() - shown) + " more"
                                    : "")
                            + ". Is config.json that of these weights?");
        }
    }

    /** Returns the configuration. */
    public MistralConfig config() {
        return model.config();
    }

    /** Returns the kernels. */
    public Kernels kernels() {
        return model.kernels();
    }

    /** Returns which kernels were chosen and why, a sentence for the user. */
    public String kernelReason() {
        return kernelReason;
    }

    /**
     * Allocates a cache: one that rolls where the model's window is shorter than the text may get.
     *
     * @param manager the manager that bounds its lifetime
     * @param batch how many rows B
     * @param tokens how many tokens a row may get, prompt included
     * @return an empty cache
     */
    public KvCache newCache(NDManager manager, int batch, int tokens) {
        MistralConfig config = config();
        int window = config.window();
        boolean rolls = window > 0 && window < tokens;
        Shape shape =
                new Shape(
                        batch,
                        config.numKeyValueHeads(),
                        rolls ? window : tokens,
                        config.headDim());
        int layers = config.numHiddenLayers();
        return rolls
                ? KvCache.rolling(manager, kernels(), layers, shape)
                : KvCache.full(manager, kernels(), layers, shape);
    }

    /**
     * Runs the network.
     *
     * @param parameters where the values of the parameters are
     * @param input the arguments
     * @param training whether gradients are wanted
     * @return the logits, float32 (B, T or {@code logitsToKeep}, V), and what else was asked for
     */
    public ForwardOutput forward(ParameterStore parameters, ForwardInput input, boolean training) {
        ForwardOutput hidden = model.forward(parameters, input, training);
        NDArray x = hidden.output();
        long tokens = x.getShape().get(1);
        if (input.logitsToKeep > 0 && input.logitsToKeep < tokens) {
            x = x.get(new NDIndex().addAllDim().addSliceDim(tokens - input.logitsToKeep, tokens));
        }
        Kernels kernels = training ? kernels().training() : kernels();
        NDArray weight = parameters.getValue(head, x.getDevice(), training);
        NDArray logits = kernels.toFloat32(kernels.linear(x, weight));
        logits.setName("logits");
        return new ForwardOutput(logits, hidden.hiddenStates(), hidden.attentions());
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        ForwardInput input = MistralModel.arguments(inputs);
        return new NDList(forward(parameterStore, input, training).output());
    }

    /**
     * One pass, computed when it is asked for. A network answers once; the streams of texts that
     * predictors give are made by translators, which run generations over it.
     */
    @Override
    public Iterator<NDList> forwardStreamIter(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        return Stream.of(inputs)
                .map(list -> forwardInternal(parameterStore, list, training, params))
                .iterator();
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config().vocabSize())};
    }
}
