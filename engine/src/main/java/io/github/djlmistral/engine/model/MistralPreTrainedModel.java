/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Mistral network, with or without a head on its last hidden state; {@code
 * MistralPreTrainedModel} of the reference.
 *
 * <p>As a DJL block it takes {@code input_ids} int64 (B, T) and optionally {@code attention_mask}
 * (B, T) and {@code position_ids} (B, T). Forward passes do not modify the network, so any number
 * of threads may share it.
 *
 * <p>A loaded network owns its weights. They are freed by {@link #close}, or when the manager that
 * it was loaded with is closed. Both wait for running forward passes; later ones throw {@link
 * IllegalStateException}.
 */
public abstract sealed class MistralPreTrainedModel extends LoadedBlock
        permits MistralForCausalLM,
                MistralForQuestionAnswering,
                MistralForSequenceClassification,
                MistralForTokenClassification,
                MistralModel {

    final MistralBackbone model;
    private final @Nullable NetworkAdapter adapter;
    private final String kernelReason;
    private long weightBytes;
    private final CacheOwner cacheOwner = new CacheOwner(this);

    MistralPreTrainedModel(MistralConfig config, KernelChoice choice) {
        adapter = null;
        model = addChildBlock("model", new MistralBackbone(config, choice.kernels()));
        kernelReason = choice.reason();
        weightBytes = config.parameterCount() * choice.kernels().dtype().bytes();
    }

    /**
     * Creates a network with an adapter, which shares the weights of a loaded one.
     *
     * @param base the other network, whose weights must outlive the passes of this one
     * @param binding what this network does not share
     * @param own the manager of its arrays
     */
    MistralPreTrainedModel(MistralPreTrainedModel base, AdapterBinding binding, OwnedManager own) {
        super(base, own);
        model =
                addChildBlock(
                        "model",
                        new MistralBackbone(base.model, binding.replaced(), binding.embedding()));
        adapter =
                new NetworkAdapter(
                        base, binding.config(), Collections.unmodifiableMap(binding.parameters()));
        kernelReason = base.kernelReason;
        weightBytes = base.weightBytes + binding.bytes();
    }

    /**
     * Creates the network that the {@code architectures} of a checkpoint name, {@link
     * MistralForCausalLM} if they name none of these classes, and takes ownership of its memory,
     * even if this fails.
     *
     * @param checkpoint the checkpoint; must not be used for another network
     * @param source its name for messages
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws MalformedModelException if the weights do not match the configuration
     */
    public static MistralPreTrainedModel of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        BiFunction<MistralConfig, KernelChoice, ? extends MistralPreTrainedModel> constructor =
                switch (Architecture.orCausalLm(checkpoint.config().architecture())) {
                    case MODEL -> MistralModel::new;
                    case CAUSAL_LM -> MistralForCausalLM::new;
                    case QUESTION_ANSWERING -> MistralForQuestionAnswering::new;
                    case SEQUENCE_CLASSIFICATION -> MistralForSequenceClassification::new;
                    case TOKEN_CLASSIFICATION -> MistralForTokenClassification::new;
                };
        return NetworkLoader.load(constructor, checkpoint, source, manager, options);
    }

    /** Adds the head of an architecture, with a weight (outputs, E) of its own. */
    final MistralLinear addHead(Architecture architecture) {
        MistralConfig config = config();
        return addLinear(
                architecture.head(),
                ParameterShapes.of(config, architecture),
                new NormalInitializer((float) config.initializerRange()));
    }

    /** Adds the head of a network with an adapter: that of the adapter, or the shared one. */
    final MistralLinear addHead(
            Architecture architecture, AdapterBinding binding, MistralLinear shared) {
        MistralLinear own = binding.head();
        return addChildBlock(architecture.head(), own == null ? shared : own);
    }

    /** Returns the layer that computes the logits; null for a network without a head. */
    abstract @Nullable MistralLinear head();

    /** Returns the weights of a checkpoint that this network has parameters for. */
    Weights own(Weights given) {
        return given;
    }

    /** Requires that the configuration names this class or none. */
    void requireArchitecture(String from) throws MalformedModelException {
        Architecture.orCausalLm(getClass().getSimpleName())
                .requireStored(config().architecture(), from);
    }

    /** Returns the output layer if it shares the weight of the embedding, or null. */
    @Nullable MistralLinear tiedHead() {
        return null;
    }

    @Override
    void bound(Weights given, SourceFiles mapped, String from, OwnedManager owned) {
        super.bound(given, mapped, from, owned);
        weightBytes = given.bytes(kernels().dtype());
    }

    @Override
    void free() {
        super.free();
        model.dropQuantized();
        // the embedding may share the head, which then has no name
        Stream.concat(namedLinears().values().stream(), Stream.ofNullable(head()))
                .filter(linear -> adapter == null || linear.lowRank() != null)
                .forEach(MistralLinear::dropQuantized);
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
     * Runs a forward pass. The output belongs to the manager of the input. With {@code training},
     * so do all intermediate arrays: use a manager for each batch and close it after the update.
     *
     * @param values the store of parameter values
     * @param input the arguments
     * @param training whether gradients are required
     * @return the logits, float32, see the network's class for their shape, and other requested
     *     outputs; of a {@link MistralModel} the last hidden state instead of logits
     * @throws IllegalArgumentException if the arguments do not fit the network or each other: a
     *     token id outside the vocabulary, a cache of another network, a mask or positions of the
     *     wrong shape
     * @throws IllegalStateException if the network, the cache or the input's manager is closed, or
     *     the cache has no room
     * @throws UnsupportedOperationException if gradients are required and the engine does not
     *     compute them
     * @throws UncheckedIOException if a file that weights are mapped from was changed, see {@link
     *     SourceFiles#check}; checked for prompts, not for every token
     */
    public ForwardOutput forward(ParameterStore values, ForwardInput input, boolean training) {
        return pass(
                input.manager(),
                scope -> PassInput.of(input, config(), kernels(), cacheOwner(), scope),
                training,
                checked -> forward(values, checked, training));
    }

    /**
     * Computes the last hidden state, the output of {@code MistralModel} of the reference, from
     * which embeddings are made, without the logits.
     *
     * @param values as above
     * @param input as above
     * @param training as above
     * @return float32 (B, T, E), after the final norm
     * @throws IllegalArgumentException as above
     * @throws IllegalStateException as above
     * @throws UncheckedIOException as above
     */
    public NDArray lastHiddenState(ParameterStore values, ForwardInput input, boolean training) {
        NDArray state =
                pass(
                                input.manager(),
                                scope ->
                                        PassInput.of(
                                                input, config(), kernels(), cacheOwner(), scope),
                                training,
                                checked -> lastHiddenState(values, checked, training))
                        .logits();
        state.setName("last_hidden_state");
        return state;
    }

    /** Returns the last hidden state in the place of logits. */
    ForwardOutput lastHiddenState(ParameterStore values, PassInput input, boolean training) {
        checkFiles();
        NDList states = model.forward(values, input, training, null);
        NDArray last = states.get(states.size() - 1);
        return new ForwardOutput(kernels(training).toFloat32(last), null, null);
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
     * @throws UnsupportedOperationException if this network is neither a causal language model nor
     *     a classifier of sequences or tokens
     */
    public MistralPreTrainedModel withAdapter(Adapter adapter, NDManager manager) {
        return NetworkAdapter.attach(this, adapter, manager);
    }

    /**
     * Creates an adapter for this network that does not change what it computes, to be trained, see
     * {@link Adapter#create}. That of a classifier replaces the head as well, as by peft: {@code
     * modules_to_save} gets {@code classifier} and {@code score}.
     *
     * @param config which layers have an adapter, and its scale
     * @param seed determines the matrices A
     * @return a new adapter
     * @throws IllegalArgumentException if no layer of the network is chosen
     * @throws UnsupportedOperationException as for {@link #withAdapter}
     */
    public Adapter newAdapter(LoraConfig config, long seed) {
        return NetworkAdapter.create(this, config, seed);
    }

    /** Returns the network without the adapter of this one; null if this one has none. */
    public @Nullable MistralPreTrainedModel base() {
        return adapter == null ? null : adapter.base();
    }

    /**
     * Returns a copy of the adapter with the current values of its parameters.
     *
     * @return the adapter
     * @throws IllegalStateException if the network has none, or is closed
     */
    public Adapter adapter() {
        NetworkAdapter own = requireAdapter();
        gate.enter();
        try {
            return own.copy();
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

    private NetworkAdapter requireAdapter() {
        if (adapter == null) {
            throw new IllegalStateException(
                    "the network has no adapter: withAdapter(..) returns one that has");
        }
        return adapter;
    }

    /** Creates a network of the same class with an adapter. */
    MistralPreTrainedModel adapted(AdapterBinding binding, OwnedManager own) {
        throw NetworkAdapter.unsupported(this);
    }

    /** Returns what adapters of the network are for, by the name in peft; null without adapters. */
    @Nullable TaskType taskType() {
        return null;
    }

    /** Returns the names and values of the parameters that belong to an adapter. */
    Map<String, Parameter> adapterParameters() {
        return adapter == null ? Map.of() : adapter.parameters();
    }

    private Kernels kernels(boolean training) {
        return training ? kernels().training() : kernels();
    }

    /** Returns what the caches of this network belong to. */
    SequenceCache.Owner cacheOwner() {
        return cacheOwner;
    }

    /**
     * Freezes or unfreezes the parameters that fulfill a predicate. If the network has an adapter,
     * this concerns only the parameters of the adapter: the others are those of {@link #base}.
     *
     * @throws UnsupportedOperationException if they are to be unfrozen and the engine computes no
     *     gradients
     */
    @Override
    public void freezeParameters(boolean freeze, Predicate<Parameter> predicate) {
        NDManager manager = weightManager();
        if (!freeze && manager != null) {
            DjlEngine.of(manager).requireGradients();
        }
        super.freezeParameters(
                freeze,
                adapter == null
                        ? predicate
                        : parameter ->
                                adapter.parameters().containsValue(parameter)
                                        && predicate.test(parameter));
    }

    /** As {@link #freezeParameters(boolean, Predicate)} for all parameters. */
    @Override
    public void freezeParameters(boolean freeze) {
        freezeParameters(freeze, parameter -> true);
    }

    ForwardOutput forward(ParameterStore values, PassInput input, boolean training) {
        if (input.isPrefill()) {
            checkFiles();
        }
        NDList attentions = input.attentions() ? new NDList() : null;
        NDList hiddenStates = model.forward(values, input, training, attentions);
        Kernels kernels = kernels(training);
        NDArray last = hiddenStates.get(hiddenStates.size() - 1);
        NDArray x = select(input, kernels, training, last);
        MistralLinear head = head();
        NDArray logits = head == null ? x : head.forward(values, training, kernels, null, x);
        return new ForwardOutput(
                kernels.toFloat32(logits), input.hiddenStates() ? hiddenStates : null, attentions);
    }

    /**
     * Selects what the head reads of the last hidden state: all of it by default.
     *
     * @param x the last hidden state (B, T, E)
     * @return an array (.., E)
     */
    NDArray select(PassInput input, Kernels kernels, boolean training, NDArray x) {
        return x;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        return new NDList(forward(parameterStore, ForwardInput.of(inputs), training).logits());
    }
}
