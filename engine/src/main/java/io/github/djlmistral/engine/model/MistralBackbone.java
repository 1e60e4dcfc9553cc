/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Embedding, decoder layers and final norm: what all {@link MistralPreTrainedModel}s share. */
final class MistralBackbone extends MistralBlock {

    private final MistralConfig config;
    private final Kernels kernels;
    private final Parameter embedTokens;

    /** Whether the embedding is float32, whatever the type of the kernels is. */
    private final boolean widenedTokens;

    private @Nullable QuantizedWeight quantizedTokens;
    private final List<MistralDecoderLayer> layers = new ArrayList<>();
    private final Parameter norm;
    private final float[] inverseFrequencies;

    /**
     * Makes a model with uninitialized parameters.
     *
     * @param config the configuration
     * @param kernels the kernels
     */
    MistralBackbone(MistralConfig config, Kernels kernels) {
        this.config = config;
        this.kernels = kernels;
        widenedTokens = false;
        ParameterShapes shapes = ParameterShapes.of(config, Architecture.MODEL).within("model");
        Initializer initializer = new NormalInitializer((float) config.initializerRange());
        embedTokens = addWeight("embed_tokens", shapes, initializer);
        for (int i = 0; i < config.numHiddenLayers(); ++i) {
            String name = "layers." + i;
            layers.add(
                    addChildBlock(
                            name,
                            new MistralDecoderLayer(
                                    i, config.rmsNormEps(), shapes.within(name), initializer)));
        }
        norm = addWeight("norm", shapes, Initializer.ONES);
        inverseFrequencies = new float[config.headDim() / 2];
        for (int i = 0; i < inverseFrequencies.length; ++i) {
            // theta^(-2i/D), in the precision of the reference
            double exponent = (float) (2.0 * i) / (float) config.headDim();
            inverseFrequencies[i] = 1f / (float) Math.pow(config.ropeTheta(), exponent);
        }
    }

    /**
     * Makes a model that shares the weights of another one, except the replaced ones.
     *
     * @param base the other model
     * @param replaced linear layers in place of those of the other model
     * @param embedding an embedding (V, E) in float32 in place of that of the other model, or null
     */
    MistralBackbone(
            MistralBackbone base,
            Map<MistralLinear, MistralLinear> replaced,
            @Nullable Parameter embedding) {
        config = base.config;
        kernels = base.kernels;
        inverseFrequencies = base.inverseFrequencies;
        widenedTokens = embedding != null;
        embedTokens = embedding == null ? base.embedTokens : embedding;
        quantizedTokens = embedding == null ? base.quantizedTokens : null;
        if (quantizedTokens == null) {
            addParameter(embedTokens);
        }
        for (int i = 0; i < base.layers.size(); ++i) {
            layers.add(
                    addChildBlock(
                            "layers." + i, new MistralDecoderLayer(base.layers.get(i), replaced)));
        }
        norm = addParameter(base.norm);
    }

    /** Returns the configuration. */
    MistralConfig config() {
        return config;
    }

    /** Returns the kernels. */
    Kernels kernels() {
        return kernels;
    }

    Parameter embedding() {
        return embedTokens;
    }

    /** Replaces the embedding parameter by a quantized table. */
    void quantizeEmbedding(QuantizedWeight table) {
        parameters.remove("embed_tokens");
        quantizedTokens = table;
    }

    /** Drops the quantized embedding table when the network is closed. */
    void dropQuantized() {
        quantizedTokens = null;
    }

    /**
     * Runs the layers.
     *
     * @param values the store of parameter values
     * @param input the arguments
     * @param training whether gradients are required
     * @param attentions collects the attention weights, or null
     * @return the last hidden state (B, T, E), preceded by the others if requested
     */
    NDList forward(
            ParameterStore values, PassInput input, boolean training, @Nullable NDList attentions) {
        Kernels k = training ? kernels.training() : kernels;
        ForwardPass pass = newPass(values, input, k, training, attentions, null);
        NDArray x = embeddings(input, pass);
        NDList hiddenStates = new NDList();
        // unless they are needed for gradients or by the caller
        boolean released = !training && !input.hiddenStates() && attentions == null;
        for (MistralDecoderLayer layer : layers) {
            if (input.hiddenStates()) {
                hiddenStates.add(input.sequences(x));
            }
            x = released ? forward(layer, pass, x, false) : layer.forward(pass, x);
        }
        NDArray last = norm(pass, x);
        hiddenStates.add(input.sequences(last));
        input.caches().forEach(SequenceCache.Pass::finish);
        return hiddenStates;
    }

    /** Creates the state of a pass. */
    ForwardPass newPass(
            ParameterStore values,
            PassInput input,
            Kernels k,
            boolean training,
            @Nullable NDList attentions,
            @Nullable Long dropoutSeed) {
        NDManager scope = input.scope();
        return new ForwardPass(
                values,
                training,
                scope.getDevice(),
                k,
                k.attention(scope, attention(input)),
                attentions,
                dropoutSeed);
    }

    /** Returns the layers, the lowest first. */
    List<MistralDecoderLayer> layers() {
        return layers;
    }

    /** Applies the final norm. */
    NDArray norm(ForwardPass pass, NDArray x) {
        return pass.kernels().rmsNorm(x, pass.value(norm), config.rmsNormEps());
    }

    /** Returns whether the embedding is unfrozen. */
    boolean isEmbeddingTrained() {
        return quantizedTokens == null && embedTokens.requiresGradient();
    }

    /** Returns whether the final norm is unfrozen. */
    boolean isNormTrained() {
        return norm.requiresGradient();
    }

    private AttentionInput attention(PassInput input) {
        return new AttentionInput(
                input.begins(),
                input.caches().stream().map(SequenceCache.Pass::keyValues).toList(),
                input.positions(),
                inverseFrequencies,
                config.window(),
                input.mask(config.window()),
                input.attentions());
    }

    /** Returns (N, E). */
    NDArray embeddings(PassInput input, ForwardPass pass) {
        if (input.embeddings() != null) {
            return input.embeddings().reshape(-1, config.hiddenSize());
        }
        NDArray ids = HostArray.of(input.scope(), Objects.requireNonNull(input.ids()));
        if (quantizedTokens != null) {
            return pass.kernels().embedding(ids, quantizedTokens);
        }
        NDArray table = pass.value(embedTokens);
        return widenedTokens
                ? pass.kernels().embeddingFloat32(ids, table)
                : pass.kernels().embedding(ids, table);
    }

    /**
     * Runs a layer and frees its intermediate arrays, which would add up to gigabytes. The next
     * layer reuses that memory, so the system need not map and clear new pages. What autograd needs
     * of them it keeps itself.
     *
     * @param kept whether the input stays open
     */
    static NDArray forward(MistralDecoderLayer layer, ForwardPass pass, NDArray x, boolean kept) {
        NDManager manager = x.getManager();
        try (NDManager scope = manager.newSubManager()) {
            x.attach(scope);
            NDArray result = layer.forward(pass, x);
            result.attach(manager);
            if (kept) {
                x.attach(manager);
            }
            return result;
        }
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        throw new IllegalStateException(
                "run the network as a whole: its lastHiddenState(..) returns the output of this"
                        + " block");
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config.hiddenSize())};
    }
}
