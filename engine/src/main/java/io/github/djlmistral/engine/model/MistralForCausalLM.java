/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.inference.streaming.StreamingBlock;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.CloseGate;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.cache.SlotKvCache;
import io.github.djlmistral.engine.internal.simd.Decoder;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Mistral with its output layer; {@code MistralForCausalLM} of the reference.
 *
 * <p>As a DJL block it takes {@code input_ids} int64 (B, T) and optionally {@code attention_mask}
 * (B, T) and {@code position_ids} (B, T), and gives {@code logits} float32 (B, T, V). A text is
 * made of it by {@link io.github.djlmistral.engine.generation}. Parameters are not changed by a
 * pass, so any number of threads may run one network.
 *
 * <p>A loaded network owns its weights. They are freed by {@link #close}, or when the manager that
 * it was loaded with is closed, whichever is first; both wait for the passes under way, and passes
 * after that get an {@link IllegalStateException}.
 */
public final class MistralForCausalLM extends MistralBlock
        implements StreamingBlock, AutoCloseable {

    private final MistralModel model;
    private final MistralLinear head;
    private final CloseGate gate = new CloseGate(this::closedMessage, this::free);
    private String source = "MistralForCausalLM";
    private String kernelReason;
    private @Nullable OwnedManager weights;
    private @Nullable DecoderPasses decoder;
    private SourceFiles files = SourceFiles.NONE;
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
     * @param manager the manager whose device and lifetime bound the network's
     * @param options kernels and data type
     * @return the network, ready to run
     * @throws IOException if files are missing or cannot be read
     * @throws MalformedModelException if the weights do not match the configuration
     */
    public static MistralForCausalLM load(Path directory, NDManager manager, ComputeOptions options)
            throws IOException, MalformedModelException {
        return of(MistralCheckpoint.open(directory), directory.toString(), manager, options);
    }

    /**
     * Makes a network of an open checkpoint, whose memory it takes over: closing the network frees
     * it, and so does a failure to make it.
     *
     * @param checkpoint the checkpoint; not to be used for another network
     * @param source its name, for messages
     * @param manager the manager whose device and lifetime bound the network's
     * @param options kernels and data type
     * @return the network, ready to run
     * @throws MalformedModelException if the weights do not match the configuration
     */
    public static MistralForCausalLM of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        Weights weights = checkpoint.weights();
        return of(
                checkpoint.config(),
                weights,
                source,
                manager,
                own -> {
                    own.attachInternal(NDManager.nextUid(), weights);
                    return KernelChoice.of(own, options, weights);
                });
    }

    /**
     * Makes a network of weights. Those of floating-point numbers become parameters, frozen;
     * quantized weights do not, they are not trained. The weights stay the caller's: they have to
     * outlive the network.
     *
     * @param config its shape
     * @param weights its weights
     * @param source where they are from, for messages
     * @param manager the manager whose device and lifetime bound the network's
     * @param options kernels and data type
     * @return the network, ready to run
     * @throws MalformedModelException if the weights do not match the configuration
     * @throws UncheckedIOException if a file of theirs was changed, see {@link SourceFiles#check}
     */
    public static MistralForCausalLM of(
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            ComputeOptions options)
            throws MalformedModelException {
        return of(config, weights, source, manager, own -> KernelChoice.of(own, options, weights));
    }

    /**
     * Creates a network with given kernels, which have to outlive it; for the rest see {@link
     * #of(MistralConfig, Weights, String, NDManager, ComputeOptions)}.
     */
    public static MistralForCausalLM of(
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            KernelChoice choice)
            throws MalformedModelException {
        return of(config, weights, source, manager, own -> choice);
    }

    private static MistralForCausalLM of(
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            Function<NDManager, KernelChoice> choose)
            throws MalformedModelException {
        OwnedManager owned = new OwnedManager(manager, "mistral-weights");
        try {
            KernelChoice choice = choose.apply(owned.manager());
            MistralForCausalLM network = new MistralForCausalLM(config, choice);
            SourceFiles.of(weights.tensors()).check();
            network.source = source;
            network.files = network.bind(weights, owned.manager());
            network.useDecoder(choice);
            SourceFiles.of(weights.tensors()).check();
            network.weights = owned;
            owned.closeWithParent(network);
            return network;
        } catch (MalformedModelException | RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    private SourceFiles bind(Weights given, NDManager manager) throws MalformedModelException {
        MistralLinear tiedHead = config().tieWordEmbeddings() ? head : null;
        SourceFiles mapped = new WeightBinding(this, model, tiedHead, manager).bind(given, source);
        weightBytes = given.bytes(kernels().dtype());
        QuantizedWeight table = given.quantized().get(WeightBinding.EMBEDDING);
        if (table != null) {
            tableBytes = table.bytes();
        }
        return mapped;
    }

    private String closedMessage() {
        return "the model " + source + " is closed: load it again";
    }

    /**
     * Frees the weights of a loaded network, after the passes under way; later ones get an {@link
     * IllegalStateException}. Called from within a pass, by kernels say, it returns at once, and
     * the end of that pass frees them. Weights that were made or set by others stay theirs.
     *
     * <p>A backward pass needs the weights too. So those that a forward pass with {@code training}
     * has read are freed only when the manager of its input is closed as well. Do not close that
     * manager, or a parent of it, during the backward pass.
     */
    @Override
    public void close() {
        gate.close();
    }

    /**
     * Tells whether the network is closed together with a manager.
     *
     * @param manager a manager
     * @return whether the network was loaded with it
     */
    public boolean isClosedWith(NDManager manager) {
        return weights != null && weights.isClosedWith(manager);
    }

    private void free() {
        decoder = null;
        files = SourceFiles.NONE;
        model.dropQuantized();
        namedLinears().values().forEach(MistralLinear::dropQuantized);
        head.dropQuantized();
        if (weights != null) {
            weights.close();
        }
    }

    private void useDecoder(KernelChoice choice) {
        if (choice.simd() == KernelChoice.Use.NONE) {
            return;
        }
        try {
            decoder = new DecoderPasses(model, head, namedParameters().values());
            kernelReason =
                    "simd for up to "
                            + Decoder.MAX_TOKENS
                            + " tokens at once ("
                            + decoder.description()
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
     * @throws IllegalStateException if the network is closed
     */
    public KvCache newCache(NDManager manager, int batch, int tokens) {
        MistralConfig config = config();
        int groups = config.numKeyValueHeads();
        int window = config.window();
        boolean rolls = window > 0 && window < tokens;
        Shape shape = new Shape(batch, groups, rolls ? window : tokens, config.headDim());
        int layers = config.numHiddenLayers();
        gate.enter();
        try {
            return rolls
                    ? SlotKvCache.rolling(manager, kernels(), layers, shape)
                    : SlotKvCache.full(manager, kernels(), layers, shape);
        } finally {
            gate.exit();
        }
    }

    /**
     * Runs the network. What it gives belongs to the manager of the input; with {@code training},
     * so do all arrays of the pass: use a manager for each batch and close it after the update.
     *
     * @param values where the values of the parameters are
     * @param input the arguments
     * @param training whether gradients are wanted
     * @return the logits, float32 (B, T or {@code logitsToKeep}, V), and what else was asked for
     * @throws IllegalArgumentException if the arguments do not fit this network or each other: an
     *     id outside the vocabulary, another network's cache, a mask or positions of another shape
     * @throws IllegalStateException if the network, the cache or the input's manager is closed, or
     *     the cache has no room
     * @throws UncheckedIOException if a file that weights are mapped from was changed, see {@link
     *     SourceFiles#check}; looked at before prompts only, not before every token
     */
    public ForwardOutput forward(ParameterStore values, ForwardInput input, boolean training) {
        NDManager target = input.manager();
        gate.enter();
        try (PassScope scope = new PassScope(target);
                PassInput checked = PassInput.of(input, config(), kernels(), scope.manager())) {
            ForwardOutput output = forward(values, checked, training);
            output.attach(target);
            if (training) {
                // the backward pass, which needs the weights, runs outside of the gate
                scope.keepForBackward(gate.hold());
            }
            return output;
        } finally {
            gate.exit();
        }
    }

    private ForwardOutput forward(ParameterStore values, PassInput input, boolean training) {
        if (input.past() == 0 || input.tokens() > 1) {
            files.check();
        }
        NDArray decoded = decoder == null || training ? null : decoder.forward(input);
        if (decoded != null) {
            return new ForwardOutput(decoded, null, null);
        }
        NDList attentions = input.attentions() ? new NDList() : null;
        NDList hiddenStates = model.forward(values, input, training, attentions);
        NDArray x = input.keptTokens(hiddenStates.get(hiddenStates.size() - 1));
        Kernels kernels = training ? kernels().training() : kernels();
        NDArray logits = kernels.toFloat32(head.forward(values, training, kernels, x));
        return new ForwardOutput(logits, input.hiddenStates() ? hiddenStates : null, attentions);
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        return new NDList(forward(parameterStore, ForwardInput.of(inputs), training).logits());
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
