/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.AttentionMask;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.simd.DecoderNetwork;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Embeddings, decoder layers and final norm; {@code MistralModel} of the reference.
 *
 * <p>As a DJL block it takes {@code input_ids} int64 (B, T) and optionally {@code attention_mask}
 * (B, T) and {@code position_ids} (B, T), and gives the last hidden state (B, T, E).
 */
public final class MistralModel extends MistralBlock {

    private final MistralConfig config;
    private final Kernels kernels;
    private final Parameter embedTokens;
    private @Nullable QuantizedWeight quantizedTokens;
    private final List<MistralDecoderLayer> layers = new ArrayList<>();
    private final Parameter norm;
    private final float[] inverseFrequencies;

    /**
     * Makes a network whose parameters have no values yet.
     *
     * @param config its shape
     * @param kernels how it computes
     */
    public MistralModel(MistralConfig config, Kernels kernels) {
        this.config = config;
        this.kernels = kernels;
        Initializer initializer = new NormalInitializer((float) config.initializerRange());
        embedTokens = weight("embed_tokens", initializer, config.vocabSize(), config.hiddenSize());
        for (int i = 0; i < config.numHiddenLayers(); ++i) {
            layers.add(
                    addChildBlock("layers." + i, new MistralDecoderLayer(config, i, initializer)));
        }
        norm = weight("norm", Initializer.ONES, config.hiddenSize());
        inverseFrequencies = new float[config.headDim() / 2];
        for (int i = 0; i < inverseFrequencies.length; ++i) {
            // theta^(-2i/D), in the precision of the reference
            double exponent = (float) (2.0 * i) / (float) config.headDim();
            inverseFrequencies[i] = 1f / (float) Math.pow(config.ropeTheta(), exponent);
        }
    }

    /** Returns the configuration. */
    public MistralConfig config() {
        return config;
    }

    /** Returns the kernels. */
    public Kernels kernels() {
        return kernels;
    }

    Parameter embedding() {
        return embedTokens;
    }

    /** Describes itself to a decoder, with this output layer. */
    DecoderNetwork forDecoder(MistralLinear head) {
        return new DecoderNetwork(
                kernels.dtype(),
                config.numAttentionHeads(),
                config.numKeyValueHeads(),
                config.headDim(),
                config.window(),
                config.rmsNormEps(),
                inverseFrequencies.clone(),
                quantizedTokens == null
                        ? new DecoderNetwork.Matrix(embedTokens.getArray(), null)
                        : new DecoderNetwork.Matrix(null, quantizedTokens),
                layers.stream().map(MistralDecoderLayer::forDecoder).toList(),
                norm.getArray(),
                head.forDecoder());
    }

    /** Takes a table in few bits instead of the parameter, which goes. */
    void quantizeEmbedding(QuantizedWeight table) {
        parameters.remove("embed_tokens");
        quantizedTokens = table;
    }

    /**
     * Runs the network.
     *
     * @param values where the values of the parameters are
     * @param input the arguments
     * @param training whether gradients are wanted
     * @return the last hidden state (B, T, E), and what else was asked for
     */
    public ForwardOutput forward(ParameterStore values, ForwardInput input, boolean training) {
        NDManager manager = input.manager();
        Kernels k = training ? kernels.training() : kernels;
        NDArray x = input.inputsEmbeds;
        if (x == null) {
            NDArray ids = input.head().toType(DataType.INT64, false);
            x =
                    quantizedTokens == null
                            ? k.embedding(
                                    ids,
                                    values.getValue(embedTokens, manager.getDevice(), training))
                            : k.embedding(ids, quantizedTokens);
        }
        Shape shape = x.getShape();
        int batch = (int) shape.get(0);
        int tokens = (int) shape.get(1);
        int past = input.cache == null ? 0 : input.cache.length();
        if (input.cache != null) {
            check(input.cache, batch);
        }
        KvCache.Pass cache = input.cache == null ? null : input.cache.begin(manager, tokens);
        NDArray positions = input.positionIds;
        if (positions == null) {
            positions = manager.arange(past, past + tokens, 1, DataType.INT64).expandDims(0);
        }
        ForwardPass pass =
                new ForwardPass(
                        values,
                        training,
                        manager.getDevice(),
                        k,
                        k.rotaryTables(positions, manager.create(inverseFrequencies)),
                        mask(input, batch, past, tokens, cache),
                        cache,
                        input.outputAttentions ? new NDList() : null);
        NDList hiddenStates = input.outputHiddenStates ? new NDList() : null;
        // what gradients, or the caller, still need stays
        boolean released =
                !training
                        && hiddenStates == null
                        && pass.attentions() == null
                        && input.inputsEmbeds == null;
        for (MistralDecoderLayer layer : layers) {
            if (hiddenStates != null) {
                hiddenStates.add(x);
            }
            x = released ? forward(layer, pass, x) : layer.forward(pass, x);
        }
        x = k.rmsNorm(x, pass.value(norm), config.rmsNormEps());
        if (hiddenStates != null) {
            hiddenStates.add(x);
        }
        if (cache != null) {
            cache.finish();
        }
        return new ForwardOutput(x, hiddenStates, pass.attentions());
    }

    /**
     * Runs a layer and gives back at once what it needed, which would add up to gigabytes: the next
     * layer then takes the same memory again, which the system need not find and clear anew.
     */
    private static NDArray forward(MistralDecoderLayer layer, ForwardPass pass, NDArray x) {
        NDManager manager = x.getManager();
        try (NDManager scope = manager.newSubManager()) {
            x.attach(scope);
            NDArray result = layer.forward(pass, x);
            result.attach(manager);
            return result;
        }
    }

    void check(KvCache cache, int batch) {
        if (cache.batch() != batch) {
            throw new IllegalArgumentException(
                    "the cache has " + cache.batch() + " rows, the input " + batch);
        }
        if (cache.rolling() && cache.capacity() != config.window()) {
            throw new IllegalArgumentException(
                    "a rolling cache must have as many slots as the sliding window, "
                            + config.window()
                            + ", has "
                            + cache.capacity());
        }
    }

    /** The mask written out where the rule of {@link Kernels#attention} does not do. */
    @Nullable NDArray mask(
            ForwardInput input, int batch, int past, int tokens, KvCache.@Nullable Pass cache) {
        NDArray given = input.attentionMask;
        boolean additive = given != null && given.getShape().dimension() == 4;
        long[][] keep = given == null || additive ? null : padding(given, batch, past + tokens);
        if (!additive && keep == null && !input.outputAttentions) {
            return null;
        }
        int[] keyPositions =
                cache == null ? IntStream.range(0, tokens).toArray() : cache.keyPositions();
        if (given != null && additive) {
            Shape wanted = new Shape(batch, 1, tokens, keyPositions.length);
            if (!given.getShape().equals(wanted)) {
                throw new IllegalArgumentException(
                        "a 4D attention mask must be " + wanted + ", is " + given.getShape());
            }
            return given;
        }
        return AttentionMask.additive(
                input.manager(), batch, past, tokens, keyPositions, config.window(), keep);
    }

    /** Returns the rows of a 2D mask, or null where it masks nothing. */
    private static long @Nullable [][] padding(NDArray mask, int batch, int length) {
        if (!mask.getShape().equals(new Shape(batch, length))) {
            throw new IllegalArgumentException(
                    "attention_mask must be "
                            + new Shape(batch, length)
                            + ", one number for each token seen so far and now, is "
                            + mask.getShape());
        }
        long[] flat = mask.toType(DataType.INT64, false).toLongArray();
        boolean full = true;
        long[][] rows = new long[batch][length];
        for (int i = 0; i < flat.length; ++i) {
            rows[i / length][i % length] = flat[i];
            full &= flat[i] != 0;
        }
        return full ? null : rows;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        return new NDList(forward(parameterStore, arguments(inputs), training).output());
    }

    /** Reads the list that DJL passes: {@code input_ids}, then optionally mask and positions. */
    static ForwardInput arguments(NDList inputs) {
        if (inputs.isEmpty() || inputs.size() > 3) {
            throw new IllegalArgumentException(
                    "expected input_ids and optionally attention_mask and position_ids, got "
                            + inputs.size()
                            + " arrays");
        }
        NDArray ids = inputs.get(0);
        if (ids.getShape().dimension() != 2) {
            throw new IllegalArgumentException(
                    "input_ids must have the shape (batch, tokens), have " + ids.getShape());
        }
        return ForwardInput.ofIds(ids)
                .attentionMask(inputs.size() > 1 ? inputs.get(1) : null)
                .positionIds(inputs.size() > 2 ? inputs.get(2) : null);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config.hiddenSize())};
    }
}
