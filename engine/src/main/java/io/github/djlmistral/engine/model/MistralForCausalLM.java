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
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.simd.Decoder;
import io.github.djlmistral.engine.simd.Simd;
import io.github.djlmistral.engine.weights.FileState;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
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

    private static final String EMBEDDING = "model.embed_tokens.weight";

    private final MistralModel model;
    private final MistralLinear head;
    private String kernelReason;
    private @Nullable DecoderPasses decoder;
    private List<FileState> files = List.of();
    private long weightBytes;
    private long tableBytes;

    /**
     * Makes a network whose parameters have no values yet.
     *
     * @param config its shape
     * @param choice how it computes
     */
    public MistralForCausalLM(MistralConfig config, KernelChoice choice) {
        model = addChildBlock("model", new MistralModel(config, choice.kernels()));
        if (config.tieWordEmbeddings()) {
            head = new MistralLinear(model.embedding());
        } else {
            Initializer initializer = new NormalInitializer((float) config.initializerRange());
            head =
                    addChildBlock(
                            "lm_head",
                            new MistralLinear(
                                    initializer, config.vocabSize(), config.hiddenSize()));
        }
        kernelReason = choice.reason();
        int bytes = choice.kernels().dtype().bytes();
        weightBytes = config.parameterCount() * bytes;
        tableBytes = (long) config.vocabSize() * config.hiddenSize() * bytes;
    }

    /**
     * Loads a checkpoint: {@code config.json} with {@code *.safetensors}, or {@code params.json}
     * with {@code consolidated.safetensors}, or a GGUF file. The parameters are frozen: unfreeze
     * what is to be trained.
     *
     * @param directory the checkpoint, or the GGUF file
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
        MistralCheckpoint checkpoint = MistralCheckpoint.open(directory);
        return of(
                checkpoint.config(),
                checkpoint.weights(),
                directory.toString(),
                manager,
                kernels,
                dtype);
    }

    /**
     * Makes a network of weights. Those of floating-point numbers become parameters, frozen;
     * matrices in few bits do not, they are not trained.
     *
     * @param config its shape
     * @param weights its weights
     * @param source where they are from, for messages
     * @param manager keeps the weights, on its device
     * @param kernels {@code "auto"} or a name, see {@link KernelChoice#of}
     * @param dtype {@code "auto"} or a type, see {@link KernelChoice#of}
     * @return the network, ready to run
     * @throws MalformedModelException if the weights are not those of the configuration, naming
     *     every tensor that is missing, surplus or of another shape
     * @throws UncheckedIOException if a file of theirs was changed, see {@link FileState#check}
     */
    public static MistralForCausalLM of(
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            String kernels,
            String dtype)
            throws MalformedModelException {
        return of(
                config,
                weights,
                source,
                manager,
                KernelChoice.of(manager, kernels, dtype, weights));
    }

    /**
     * Makes a network of weights with kernels that are chosen already.
     *
     * @param config as above
     * @param weights as above
     * @param source as above
     * @param manager as above
     * @param choice how it computes
     * @return the network, ready to run
     * @throws MalformedModelException as above
     */
    public static MistralForCausalLM of(
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            KernelChoice choice)
            throws MalformedModelException {
        MistralForCausalLM network = new MistralForCausalLM(config, choice);
        FileState.check(weights.tensors());
        network.setWeights(weights, manager, source);
        network.useDecoder(choice);
        FileState.check(weights.tensors());
        network.files = FileState.of(network.kept(weights, manager));
        return network;
    }

    /** The tensors that are read at every pass; the others were copied. */
    private Stream<Tensor> kept(Weights weights, NDManager manager) {
        Map<String, Tensor> plain = new LinkedHashMap<>(weights.plain());
        boolean copied = manager.getDevice().isGpu();
        plain.values().removeIf(tensor -> copied || tensor.dtype() != kernels().dtype());
        return new Weights(plain, weights.quantized()).tensors();
    }

    private void setWeights(Weights weights, NDManager manager, String source)
            throws MalformedModelException {
        checkNames(namedParameters(), weights, source);
        Map<String, MistralLinear> linears = namedLinears();
        weights.quantized()
                .forEach(
                        (name, matrix) -> {
                            if (name.equals(EMBEDDING)) {
                                model.quantizeEmbedding(matrix);
                                if (config().tieWordEmbeddings()) {
                                    head.quantize(matrix, kernels().quantized(manager, matrix));
                                }
                            } else if (linears.containsKey(name)) {
                                linears.get(name)
                                        .quantize(matrix, kernels().quantized(manager, matrix));
                            }
                        });
        for (Map.Entry<String, Parameter> entry : namedParameters().entrySet()) {
            Parameter parameter = entry.getValue();
            // a Parameter takes an array only where no shape was announced
            parameter.setShape(null);
            Tensor tensor = Objects.requireNonNull(weights.plain().get(entry.getKey()));
            parameter.setArray(kernels().load(manager, tensor));
            parameter.freeze(true);
        }
        weightBytes = weights.bytes(kernels().dtype());
        QuantizedWeight table = weights.quantized().get(EMBEDDING);
        if (table != null) {
            tableBytes = table.bytes();
        }
        // marks the blocks as initialized; values that are there stay
        initialize(manager, DataType.FLOAT32, new Shape(1, 1));
    }

    private void useDecoder(KernelChoice choice) {
        if (choice.simd() == KernelChoice.Use.NONE) {
            return;
        }
        try {
            Decoder made = Simd.decoder(model.forDecoder(head));
            decoder = new DecoderPasses(made, model, namedParameters().values());
            kernelReason =
                    "simd for up to "
                            + Decoder.MAX_TOKENS
                            + " tokens at once ("
                            + made.description()
                            + "), for more "
                            + kernelReason;
        } catch (UnsupportedOperationException e) {
            if (choice.simd() == KernelChoice.Use.REQUIRED) {
                throw new IllegalArgumentException(
                        "the simd kernels do not compute this network: " + e.getMessage(), e);
            }
            kernelReason += "; not simd: " + e.getMessage();
        }
    }

    private void checkNames(Map<String, Parameter> parameters, Weights weights, String source)
            throws MalformedModelException {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        weights.plain().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        weights.quantized()
                .forEach(
                        (name, matrix) ->
                                shapes.put(name, new long[] {matrix.rows(), matrix.columns()}));
        List<String> faults = new ArrayList<>();
        parameters.forEach(
                (name, parameter) -> {
                    long[] shape = shapes.get(name);
                    long[] wanted = parameter.getShape().getShape();
                    if (shape == null) {
                        faults.add(name + " is missing");
                    } else if (!Arrays.equals(shape, wanted)) {
                        faults.add(
                                name
                                        + " has the shape "
                                        + Arrays.toString(shape)
                                        + " instead of "
                                        + Arrays.toString(wanted));
                    }
                });
        for (String name : shapes.keySet()) {
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
                            + source
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

    /** Returns how many bytes the weights take, as they were given to the kernels. */
    public long weightBytes() {
        return weightBytes;
    }

    /**
     * Returns how many bytes of weights every pass reads, which is what limits the speed of single
     * tokens: all but the table of embeddings, of which it needs some rows only.
     *
     * @return {@link #weightBytes()} where the table is the output layer as well
     */
    public long bytesPerPass() {
        return weightBytes - (config().tieWordEmbeddings() ? 0 : tableBytes);
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
     * @param values where the values of the parameters are
     * @param input the arguments
     * @param training whether gradients are wanted
     * @return the logits, float32 (B, T or {@code logitsToKeep}, V), and what else was asked for
     * @throws UncheckedIOException if a file that weights are mapped from was changed, see {@link
     *     FileState#check}; looked at before prompts only, not before every token
     */
    public ForwardOutput forward(ParameterStore values, ForwardInput input, boolean training) {
        if (input.isPrompt()) {
            files.forEach(FileState::check);
        }
        NDArray decoded = decoder == null || training ? null : decoder.forward(input);
        if (decoded != null) {
            decoded.setName("logits");
            return new ForwardOutput(decoded, null, null);
        }
        ForwardOutput hidden = model.forward(values, input, training);
        NDArray x = hidden.output();
        long tokens = x.getShape().get(1);
        if (input.logitsToKeep > 0 && input.logitsToKeep < tokens) {
            NDIndex last =
                    new NDIndex().addAllDim().addSliceDim(tokens - input.logitsToKeep, tokens);
            x = x.get(last);
            // rows of their own: with those of the whole one after the other, T · hidden apart,
            // PyTorch multiplies bfloat16 ten times as slowly
            x = x.flatten().reshape(x.getShape());
        }
        Kernels kernels = training ? kernels().training() : kernels();
        NDArray logits = kernels.toFloat32(head.forward(values, training, kernels, x));
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
