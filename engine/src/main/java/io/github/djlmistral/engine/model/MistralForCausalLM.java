/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.inference.streaming.StreamingBlock;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
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
    private long tableBytes;

    /**
     * Makes a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralForCausalLM(MistralConfig config, KernelChoice choice) {
        super(config, choice);
        head =
                config.tieWordEmbeddings()
                        ? new MistralLinear(model.embedding())
                        : addHead(Architecture.CAUSAL_LM);
        int bytes = choice.kernels().dtype().bytes();
        tableBytes = (long) config.vocabSize() * config.hiddenSize() * bytes;
    }

    private MistralForCausalLM(MistralForCausalLM base, AdapterBinding binding, OwnedManager own) {
        super(base, binding, own);
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
        return NetworkLoader.load(MistralForCausalLM::new, checkpoint, source, manager, options);
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
        return NetworkLoader.load(
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
        return NetworkLoader.load(
                MistralForCausalLM::new, config, weights, source, manager, own -> choice);
    }

    @Override
    public MistralForCausalLM withAdapter(Adapter adapter, NDManager manager) {
        return (MistralForCausalLM) super.withAdapter(adapter, manager);
    }

    @Override
    MistralForCausalLM adapted(AdapterBinding binding, OwnedManager own) {
        return new MistralForCausalLM(this, binding, own);
    }

    @Override
    TaskType taskType() {
        return TaskType.CAUSAL_LM;
    }

    @Override
    public @Nullable MistralForCausalLM base() {
        return (MistralForCausalLM) super.base();
    }

    @Override
    @Nullable MistralLinear tiedHead() {
        return config().tieWordEmbeddings() ? head : null;
    }

    @Override
    void bound(Weights given, SourceFiles mapped, String from, OwnedManager owned) {
        super.bound(given, mapped, from, owned);
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
