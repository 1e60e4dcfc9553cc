/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.inference.streaming.StreamingBlock;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Mistral with its output layer; {@code MistralForCausalLM} of the reference.
 *
 * <p>As a DJL block it returns {@code logits} float32 (B, T, V), of the last tokens only if {@code
 * logitsToKeep} is set. {@link io.github.djlmistral.engine.generation} generates text with it.
 */
public final class MistralForCausalLM extends MistralPreTrainedModel implements StreamingBlock {

    private final MistralLinear head;
    private final @Nullable MistralForCausalLM base;
    private final @Nullable LoraConfig adapterConfig;
    private final Map<String, Parameter> adapterParameters;
    private long tableBytes;

    /**
     * Makes a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralForCausalLM(MistralConfig config, KernelChoice choice) {
        super(config, choice);
        base = null;
        adapterConfig = null;
        adapterParameters = Map.of();
        head =
                config.tieWordEmbeddings()
                        ? new MistralLinear(model.embedding())
                        : addHead(Architecture.CAUSAL_LM);
        int bytes = choice.kernels().dtype().bytes();
        tableBytes = (long) config.vocabSize() * config.hiddenSize() * bytes;
    }

    private MistralForCausalLM(
            MistralForCausalLM base, LoraConfig config, AdapterBinding binding, OwnedManager own) {
        super(
                base,
                new MistralBackbone(base.model, binding.replaced(), binding.embedding()),
                own,
                binding.bytes());
        this.base = base;
        adapterConfig = config;
        adapterParameters = Collections.unmodifiableMap(binding.parameters());
        tableBytes = base.tableBytes;
        MistralLinear changed = binding.head();
        MistralLinear last = changed == null ? base.head : changed;
        boolean tied = changed == null && config().tieWordEmbeddings();
        head = tied ? last : addChildBlock(Architecture.CAUSAL_LM.head(), last);
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
        return of(MistralForCausalLM::new, checkpoint, source, manager, options);
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
        return of(
                MistralForCausalLM::new,
                config,
                weights,
                source,
                manager,
                own -> KernelChoice.of(own, options, weights));
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
        return of(MistralForCausalLM::new, config, weights, source, manager, own -> choice);
    }

    /**
     * Creates a network that computes with an adapter. It shares the weights of this one, which is
     * not changed, and has its own copy of the adapter. Both can be used at the same time, with any
     * number of other adapters; KV caches belong to one of them. All need the weights: closing this
     * network ends the use of the others as well, closing one of them frees its adapter only.
     *
     * <p>The parameters of the adapter are float32 and frozen, see {@link #unfreezeAdapter}. {@link
     * #namedParameters} lists them with the shared ones under the names in {@link
     * Adapter#tensors()}. Modules that the adapter replaces and has no weights for yet are copied
     * from this network.
     *
     * @param adapter the adapter, which is copied
     * @param manager the manager that closes the result with itself, on the device of this network
     * @return the network with the adapter
     * @throws IllegalArgumentException if the adapter does not match the network, naming what is
     *     missing, unexpected or of another shape; or the manager is of another device
     * @throws IllegalStateException if this network is closed, was not loaded, or has an adapter
     *     itself
     */
    public MistralForCausalLM withAdapter(Adapter adapter, NDManager manager) {
        if (base != null) {
            throw new IllegalStateException(
                    "the network has an adapter already: call base().withAdapter(..)");
        }
        NDManager shared = weightManager();
        if (shared == null) {
            throw new IllegalStateException(
                    "only a loaded network can have an adapter: load its weights first");
        }
        if (!manager.getDevice().equals(shared.getDevice())) {
            throw new IllegalArgumentException(
                    "the network is on "
                            + shared.getDevice()
                            + ", the manager on "
                            + manager.getDevice()
                            + ": give a manager on the device of the network");
        }
        gate.enter();
        OwnedManager own = new OwnedManager(manager, "mistral-adapter");
        try {
            AdapterBinding binding = new AdapterBinding(this, adapter, own.manager());
            MistralForCausalLM adapted =
                    new MistralForCausalLM(this, adapter.config(), binding, own);
            // marks the new blocks as initialized; parameters keep their values
            adapted.initialize(own.manager(), DataType.FLOAT32, new Shape(1, 1));
            own.closeWithParent(adapted);
            return adapted;
        } catch (RuntimeException | Error e) {
            own.close();
            throw e;
        } finally {
            gate.exit();
        }
    }

    /**
     * Creates an adapter for this network that does not change what it computes, to be trained, see
     * {@link Adapter#create}.
     *
     * @param config which layers have an adapter, and its scale
     * @param seed determines the matrices A
     * @return a new adapter
     * @throws IllegalArgumentException if no layer of the network is chosen
     */
    public Adapter newAdapter(LoraConfig config, long seed) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        AdapterBinding.linears(this)
                .forEach(
                        (module, linear) ->
                                shapes.put(module, linear.weight().getShape().getShape()));
        return Adapter.create(config, shapes, seed);
    }

    /** Returns the network without the adapter of this one; null if this one has none. */
    public @Nullable MistralForCausalLM base() {
        return base;
    }

    /**
     * Returns a copy of the adapter with the current values of its parameters.
     *
     * @return the adapter
     * @throws IllegalStateException if the network has none, or is closed
     */
    public Adapter adapter() {
        LoraConfig config = requireAdapter();
        gate.enter();
        try {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            adapterParameters.forEach(
                    (name, parameter) -> {
                        NDArray array = parameter.getArray();
                        Tensor copy =
                                Tensor.allocate(name, Dtype.FLOAT32, array.getShape().getShape());
                        copy.data().put(array.toByteBuffer(true));
                        tensors.put(name, copy);
                    });
            return new Adapter(config, tensors);
        } finally {
            gate.exit();
        }
    }

    /**
     * Unfreezes the parameters of the adapter, to train them. Those of the base are as they are.
     *
     * @throws IllegalStateException if the network has no adapter
     * @throws UnsupportedOperationException if the engine computes no gradients
     */
    public void unfreezeAdapter() {
        requireAdapter();
        freezeParameters(false);
    }

    private LoraConfig requireAdapter() {
        if (adapterConfig == null) {
            throw new IllegalStateException(
                    "the network has no adapter: withAdapter(..) returns one that has");
        }
        return adapterConfig;
    }

    /**
     * {@inheritDoc}
     *
     * <p>If the network has an adapter, this concerns only the parameters of the adapter: the
     * others are those of {@link #base}.
     */
    @Override
    public void freezeParameters(boolean freeze, Predicate<Parameter> predicate) {
        super.freezeParameters(
                freeze,
                base == null
                        ? predicate
                        : parameter ->
                                adapterParameters.containsValue(parameter)
                                        && predicate.test(parameter));
    }

    @Override
    Map<String, Parameter> adapterParameters() {
        return adapterParameters;
    }

    /** Counts the passes of the base, too: they may change the shared weights. */
    @Override
    long trainingPasses() {
        return super.trainingPasses() + (base == null ? 0 : base.trainingPasses());
    }

    @Override
    @Nullable MistralLinear tiedHead() {
        return config().tieWordEmbeddings() ? head : null;
    }

    @Override
    void bound(Weights given) {
        QuantizedWeight table = given.quantized().get(WeightBinding.EMBEDDING);
        if (table != null) {
            tableBytes = table.bytes();
        }
    }

    @Override
    MistralLinear head() {
        return head;
    }

    @Override
    NDArray select(PassInput input, Kernels kernels, boolean training, NDArray x) {
        return input.keptTokens(x);
    }

    /**
     * Returns the bytes of weights that a forward pass reads, which limit the speed of decoding:
     * all weights except the embedding table, of which it reads a few rows only.
     *
     * @return the size in bytes; {@link #weightBytes()} if the embeddings are tied
     */
    public long bytesPerPass() {
        return weightBytes() - (config().tieWordEmbeddings() ? 0 : tableBytes);
    }

    /**
     * Creates the KV cache of a sequence.
     *
     * @param manager the manager that closes the cache with itself
     * @return an empty cache
     * @throws IllegalArgumentException if attention is bidirectional
     * @throws IllegalStateException if the network is closed
     */
    public KvCache newCache(NDManager manager) {
        config().requireCausal();
        gate.enter();
        try {
            return SequenceCache.create(manager, cacheOwner(), this::newKeyValues);
        } finally {
            gate.exit();
        }
    }

    /**
     * Restores a KV cache that was saved by {@link KvCache#save}, perhaps by another process.
     *
     * @param manager the manager that closes the cache with itself
     * @param file the file
     * @return a cache with the same tokens
     * @throws IOException if the file cannot be read, or is not a saved cache
     * @throws IllegalArgumentException if it was saved by a network of another model, with other
     *     kernels, or another type of KV caches; or attention is bidirectional
     * @throws IllegalStateException if the network is closed, or was not loaded
     */
    public KvCache restoreCache(NDManager manager, Path file) throws IOException {
        config().requireCausal();
        gate.enter();
        try {
            return SequenceCache.read(file, manager, cacheOwner(), this::newKeyValues);
        } finally {
            gate.exit();
        }
    }

    private KeyValues newKeyValues(NDManager manager) {
        MistralConfig config = config();
        return kernels()
                .newKeyValues(
                        manager,
                        config.numHiddenLayers(),
                        config.numKeyValueHeads(),
                        config.headDim(),
                        config.window());
    }

    /**
     * Computes the new tokens of any number of sequences in one pass, prompts and single tokens
     * together. The caches are extended if the pass succeeds; otherwise it can be repeated.
     *
     * @param manager the manager of the result
     * @param chunks the new tokens, each of another sequence
     * @return the requested logits, float32 (P, V), in the order of the chunks; null if none are
     *     requested
     * @throws IllegalArgumentException if a token id is outside the vocabulary, or a cache belongs
     *     to another network
     * @throws IllegalStateException if the network or a cache is closed, or a cache is used by
     *     another thread or occurs twice
     * @throws UncheckedIOException as for {@link #forward(ParameterStore, ForwardInput, boolean)}
     */
    public @Nullable NDArray forward(NDManager manager, List<Chunk> chunks) {
        boolean wanted = chunks.stream().anyMatch(chunk -> chunk.logits() > 0);
        ParameterStore values = new ParameterStore(manager, false);
        NDArray output =
                pass(
                                manager,
                                scope -> PassInput.of(chunks, config(), cacheOwner(), scope),
                                false,
                                input ->
                                        wanted
                                                ? forward(values, input, false)
                                                : lastHiddenState(values, input, false))
                        .logits();
        try (output) {
            return wanted ? output.reshape(-1, config().vocabSize()) : null;
        }
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
