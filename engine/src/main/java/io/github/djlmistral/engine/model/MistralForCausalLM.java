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
 * (B, T) and {@code position_ids} (B, T), and returns {@code logits} float32 (B, T, V). {@link
 * io.github.djlmistral.engine.generation} generates text with it. Forward passes do not modify the
 * network, so any number of threads may share it.
 *
 * <p>A loaded network owns its weights. They are freed by {@link #close}, or when the manager that
 * it was loaded with is closed. Both wait for running forward passes; later ones throw {@link
 * IllegalStateException}.
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
     * Makes a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
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
     * those to train.
     *
     * @param directory the checkpoint, or the GGUF file
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws IOException if files are missing or cannot be read
     * @throws MalformedModelException if the weights do not match the configuration
     */
    public static MistralForCausalLM load(Path directory, NDManager manager, ComputeOptions options)
            throws IOException, MalformedModelException {
        return of(MistralCheckpoint.open(directory), directory.toString(), manager, options);
    }

    /**
     * Makes a network from an open checkpoint and takes ownership of its memory, even if this
     * fails.
     *
     * @param checkpoint the checkpoint; must not be used for another network
     * @param source its name for messages
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
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
     * Makes a network from weights. Unquantized weights become frozen parameters; quantized ones
     * cannot be trained. The caller keeps ownership of the weights, which must outlive the network.
     *
     * @param config the configuration
     * @param weights the weights
     * @param source their origin for messages
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws MalformedModelException if the weights do not match the configuration
     * @throws UncheckedIOException if one of their files was changed, see {@link SourceFiles#check}
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
     * Frees the weights of a loaded network, after waiting for running forward passes; later ones
     * throw {@link IllegalStateException}. Called during a forward pass on the same thread, for
     * example by a callback, it returns immediately, and the end of the pass frees the weights.
     * Weights that the caller owns are not freed.
     *
     * <p>The backward pass reads the weights as well. Therefore a forward pass with {@code
     * training} postpones freeing them until the manager of its input is closed. Do not close that
     * manager or a parent of it during the backward pass.
     */
    @Override
    public void close() {
        gate.close();
    }

    /**
     * Returns whether the network is closed together with a manager.
     *
     * @param manager the manager
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
     * Returns the bytes of weights that a forward pass reads, which limit the speed of decoding:
     * all weights except the embedding table, of which it reads a few rows only.
     *
     * @return the size in bytes; {@link #weightBytes()} if the embeddings are tied
     */
    public long bytesPerPass() {
        return weightBytes - (config().tieWordEmbeddings() ? 0 : tableBytes);
    }

    /**
     * Allocates a KV cache. It is a rolling one if the sliding window is shorter than the text.
     *
     * @param manager the manager that closes the cache with itself
     * @param batch the batch size B
     * @param tokens the maximum number of tokens of a row, prompt included
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
     * Runs a forward pass. The output belongs to the manager of the input. With {@code training},
     * so do all intermediate arrays: use a manager for each batch and close it after the update.
     *
     * @param values the store of parameter values
     * @param input the arguments
     * @param training whether gradients are required
     * @return the logits, float32 (B, T or {@code logitsToKeep}, V), and other requested outputs
     * @throws IllegalArgumentException if the arguments do not fit the network or each other: a
     *     token id outside the vocabulary, a cache of another network, a mask or positions of the
     *     wrong shape
     * @throws IllegalStateException if the network, the cache or the input's manager is closed, or
     *     the cache has no room
     * @throws UncheckedIOException if a file that weights are mapped from was changed, see {@link
     *     SourceFiles#check}; checked for prompts, not for every token
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
     * Returns an iterator over a single, lazily computed forward pass. The translators stream text
     * by generating with the network.
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
