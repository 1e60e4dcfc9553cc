/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.CloseGate;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Function;
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
public abstract sealed class MistralPreTrainedModel extends MistralBlock implements AutoCloseable
        permits MistralForCausalLM,
                MistralForQuestionAnswering,
                MistralForSequenceClassification,
                MistralForTokenClassification,
                MistralModel {

    final MistralBackbone model;
    final CloseGate gate;

    /** The network without an adapter, whose weights this one shares. */
    private final @Nullable MistralPreTrainedModel base;

    private final @Nullable LoraConfig adapterConfig;
    private final Map<String, Parameter> adapterParameters;

    private final String kernelReason;
    private String source = getClass().getSimpleName();
    private @Nullable OwnedManager weights;
    private SourceFiles files = SourceFiles.NONE;
    private long weightBytes;
    private final CacheOwner cacheOwner = new CacheOwner(this);

    private final AtomicLong trainingPasses = new AtomicLong();
    private final Attachments attachments = new Attachments();

    /**
     * Creates an attachment.
     *
     * @param <T> its type
     * @param <E> what is thrown if it cannot be created
     */
    @FunctionalInterface
    public interface AttachmentFactory<T, E extends Exception> {

        /** Returns a new attachment. */
        T create() throws E;
    }

    /** The weights that the parameters were bound to, null if there are none. */
    private @Nullable Weights bound;

    MistralPreTrainedModel(MistralConfig config, KernelChoice choice) {
        gate = new CloseGate(this::closedMessage, this::free);
        base = null;
        adapterConfig = null;
        adapterParameters = Map.of();
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
        model =
                addChildBlock(
                        "model",
                        new MistralBackbone(base.model, binding.replaced(), binding.embedding()));
        gate = new CloseGate(base.gate, this::closedMessage, this::free);
        this.base = base;
        adapterConfig = binding.config();
        adapterParameters = Collections.unmodifiableMap(binding.parameters());
        kernelReason = base.kernelReason;
        source = base.source;
        files = base.files;
        bound = base.bound;
        weightBytes = base.weightBytes + binding.bytes();
        weights = own;
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
        return of(constructor, checkpoint, source, manager, options);
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

    /** Creates a network from a checkpoint and takes ownership of its memory. */
    static <N extends MistralPreTrainedModel> N of(
            BiFunction<MistralConfig, KernelChoice, N> constructor,
            MistralCheckpoint checkpoint,
            String source,
            NDManager manager,
            ComputeOptions options)
            throws MalformedModelException {
        Weights weights = checkpoint.weights();
        return of(
                constructor,
                checkpoint.config(),
                weights,
                source,
                manager,
                own -> {
                    own.attachInternal(NDManager.nextUid(), weights);
                    return KernelChoice.of(own, options, weights);
                });
    }

    static <N extends MistralPreTrainedModel> N of(
            BiFunction<MistralConfig, KernelChoice, N> constructor,
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            Function<NDManager, KernelChoice> choose)
            throws MalformedModelException {
        OwnedManager owned = new OwnedManager(manager, "mistral-weights");
        try {
            KernelChoice choice = choose.apply(owned.manager());
            N network = constructor.apply(config, choice);
            ((MistralPreTrainedModel) network).load(weights, source, owned);
            return network;
        } catch (MalformedModelException | RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    private void load(Weights given, String from, OwnedManager owned)
            throws MalformedModelException {
        source = from;
        requireArchitecture();
        Weights own = own(given);
        SourceFiles.of(given.tensors()).check();
        files = new WeightBinding(this, model, tiedHead(), owned.manager()).bind(own, source);
        weightBytes = own.bytes(kernels().dtype());
        bound(own);
        bound = own;
        SourceFiles.of(given.tensors()).check();
        weights = owned;
        owned.closeWithParent(this);
    }

    /** Returns the weights of a checkpoint that this network has parameters for. */
    Weights own(Weights given) {
        return given;
    }

    void requireArchitecture() throws MalformedModelException {
        Architecture stored = Architecture.of(config().architecture());
        Architecture own = Architecture.orCausalLm(getClass().getSimpleName());
        if (stored != null && stored != own) {
            throw new MalformedModelException(
                    "the checkpoint in "
                            + source
                            + " is a "
                            + stored
                            + ", not a "
                            + own
                            + ": choose another checkpoint, or load it as a "
                            + stored
                            + (stored.isBase() && !own.isBase()
                                    ? ", or, to train a new head, add one with"
                                            + " MistralCheckpoint.withNewHead or the model argument"
                                            + " head"
                                    : ""));
        }
    }

    /** Returns the output layer if it shares the weight of the embedding, or null. */
    @Nullable MistralLinear tiedHead() {
        return null;
    }

    /** Called once the weights are bound. */
    void bound(Weights given) {}

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

    /**
     * Returns an object that all users of this network share, such as its kept prefixes. It is
     * created on the first call, and closed with the network if it is {@link AutoCloseable}.
     *
     * @param <T> the type of the object
     * @param <E> what is thrown if it cannot be created
     * @param type the type of the object
     * @param key tells apart objects of this type
     * @param factory creates the object; must not ask for another one
     * @return the object
     * @throws E if it cannot be created, which a later call tries again
     * @throws IllegalStateException if the network is closed
     */
    public <T, E extends Exception> T attachment(
            Class<T> type, Object key, AttachmentFactory<? extends T, E> factory) throws E {
        gate.enter();
        try {
            return attachments.get(type, key, factory);
        } finally {
            gate.exit();
        }
    }

    /** Returns the manager of the weights, null if the network was not loaded. */
    @Nullable NDManager weightManager() {
        return weights == null ? null : weights.manager();
    }

    /** Drops the weights. Called once, when no pass is under way. */
    void free() {
        attachments.close(source);
        files = SourceFiles.NONE;
        bound = null;
        model.dropQuantized();
        // the embedding may share the head, which then has no name
        Stream.concat(namedLinears().values().stream(), Stream.ofNullable(head()))
                .filter(linear -> base == null || linear.lowRank() != null)
                .forEach(MistralLinear::dropQuantized);
        if (weights != null) {
            weights.close();
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
        files.check();
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
        requireTask();
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
            MistralPreTrainedModel adapted = adapted(binding, own);
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
        TaskType task = requireTask();
        Set<String> saved = new LinkedHashSet<>(config.modulesToSave());
        if (task != TaskType.CAUSAL_LM) {
            saved.addAll(List.of("classifier", "score"));
        }
        LoraConfig own = config.toBuilder().taskType(task).modulesToSave(saved).build();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        AdapterBinding.linears(this)
                .forEach(
                        (module, linear) ->
                                shapes.put(module, linear.weight().getShape().getShape()));
        return Adapter.create(own, shapes, seed);
    }

    /** Returns the network without the adapter of this one; null if this one has none. */
    public @Nullable MistralPreTrainedModel base() {
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

    /** Creates a network of the same class with an adapter. */
    MistralPreTrainedModel adapted(AdapterBinding binding, OwnedManager own) {
        throw noAdapters();
    }

    /** Returns what adapters of the network are for, by the name in peft; null without adapters. */
    @Nullable TaskType taskType() {
        return null;
    }

    private TaskType requireTask() {
        TaskType task = taskType();
        if (task == null) {
            throw noAdapters();
        }
        return task;
    }

    private UnsupportedOperationException noAdapters() {
        return new UnsupportedOperationException(
                "a "
                        + getClass().getSimpleName()
                        + " has no adapters: causal language models and classifiers of sequences"
                        + " or tokens do");
    }

    /** Returns the names and values of the parameters that belong to an adapter. */
    Map<String, Parameter> adapterParameters() {
        return adapterParameters;
    }

    /**
     * Begins a {@link TrainingPass}.
     *
     * @throws UncheckedIOException if a file that weights are mapped from was changed
     */
    void beginTrainingPass(boolean gradients) {
        files.check();
        if (gradients) {
            trainingPasses.incrementAndGet();
        }
    }

    /** Returns the number of passes with gradients so far; those of the base change it, too. */
    long trainingPasses() {
        return trainingPasses.get() + (base == null ? 0 : base.trainingPasses());
    }

    /** Returns the weights that the parameters were bound to, null if there are none. */
    @Nullable Weights bound() {
        return bound;
    }

    private Kernels kernels(boolean training) {
        return training ? kernels().training() : kernels();
    }

    /** Returns what the caches of this network belong to. */
    SequenceCache.Owner cacheOwner() {
        return cacheOwner;
    }

    /**
     * Runs a pass.
     *
     * @param target the manager of the output
     * @param input checks the arguments, given the manager of the pass
     * @param training whether gradients are required
     * @param compute computes the output
     */
    ForwardOutput pass(
            NDManager target,
            Function<NDManager, PassInput> input,
            boolean training,
            Function<PassInput, ForwardOutput> compute) {
        if (training) {
            DjlEngine.of(target).requireGradients();
            trainingPasses.incrementAndGet();
        }
        gate.enter();
        try (PassScope scope = new PassScope(target);
                PassInput checked = input.apply(scope.manager())) {
            ForwardOutput output = compute.apply(checked);
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

    /**
     * Freezes or unfreezes the parameters that fulfill a predicate. If the network has an adapter,
     * this concerns only the parameters of the adapter: the others are those of {@link #base}.
     *
     * @throws UnsupportedOperationException if they are to be unfrozen and the engine computes no
     *     gradients
     */
    @Override
    public void freezeParameters(boolean freeze, Predicate<Parameter> predicate) {
        if (!freeze && weights != null) {
            DjlEngine.of(weights.manager()).requireGradients();
        }
        super.freezeParameters(
                freeze,
                base == null
                        ? predicate
                        : parameter ->
                                adapterParameters.containsValue(parameter)
                                        && predicate.test(parameter));
    }

    /** As {@link #freezeParameters(boolean, Predicate)} for all parameters. */
    @Override
    public void freezeParameters(boolean freeze) {
        freezeParameters(freeze, parameter -> true);
    }

    ForwardOutput forward(ParameterStore values, PassInput input, boolean training) {
        if (input.isPrefill()) {
            files.check();
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
