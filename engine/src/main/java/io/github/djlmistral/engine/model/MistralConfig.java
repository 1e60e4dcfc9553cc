/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Gguf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a Mistral network, field by field that of the reference ({@code
 * MistralConfig} of transformers), whose defaults {@link #defaults()} has.
 *
 * @param vocabSize how many tokens the vocabulary has (V)
 * @param hiddenSize width of the hidden states (E)
 * @param intermediateSize width of the feed-forward network (I)
 * @param numHiddenLayers how many decoder layers (L)
 * @param numAttentionHeads how many query heads (H)
 * @param numKeyValueHeads how many key/value heads (G); divides H
 * @param headDim size of a head (D), even
 * @param hiddenAct the activation; {@code silu} is the one Mistral has
 * @param maxPositionEmbeddings how many positions the model was made for
 * @param initializerRange standard deviation of fresh weights
 * @param rmsNormEps added to the mean square in the norms
 * @param ropeTheta base of the rotary frequencies
 * @param slidingWindow how many tokens a token sees, itself included; null for all before it
 * @param attentionDropout dropout of the attention weights in training; only 0 is supported
 * @param useCache whether generation keeps keys and values
 * @param tieWordEmbeddings whether the embedding table is the output layer as well
 * @param bosTokenId the token that begins a text, or null
 * @param eosTokenIds the tokens that end one, maybe none
 * @param padTokenId the token that fills up, or null
 * @param dtype the type the weights were saved in, or null where the file does not say
 * @param quantizationConfig how weights are quantized, or null if none is
 */
public record MistralConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int numHiddenLayers,
        int numAttentionHeads,
        int numKeyValueHeads,
        int headDim,
        String hiddenAct,
        int maxPositionEmbeddings,
        double initializerRange,
        float rmsNormEps,
        double ropeTheta,
        @Nullable Integer slidingWindow,
        double attentionDropout,
        boolean useCache,
        boolean tieWordEmbeddings,
        @Nullable Integer bosTokenId,
        List<Integer> eosTokenIds,
        @Nullable Integer padTokenId,
        @Nullable Dtype dtype,
        @Nullable QuantizationConfig quantizationConfig) {

    /** Those of 405 billion parameters have 126. */
    private static final int MOST_LAYERS = 4096;

    /** Checks that the fields fit together. */
    public MistralConfig {
        eosTokenIds = List.copyOf(eosTokenIds);
        positive("vocab_size", vocabSize);
        positive("hidden_size", hiddenSize);
        positive("intermediate_size", intermediateSize);
        positive("num_hidden_layers", numHiddenLayers);
        positive("num_attention_heads", numAttentionHeads);
        positive("num_key_value_heads", numKeyValueHeads);
        positive("head_dim", headDim);
        positive("max_position_embeddings", maxPositionEmbeddings);
        if (slidingWindow != null) {
            positive("sliding_window", slidingWindow);
        }
        require(
                numAttentionHeads % numKeyValueHeads == 0,
                "num_attention_heads is "
                        + numAttentionHeads
                        + ", no multiple of num_key_value_heads, "
                        + numKeyValueHeads);
        require(
                numHiddenLayers <= MOST_LAYERS,
                "num_hidden_layers is " + numHiddenLayers + ", over the limit of " + MOST_LAYERS);
        int inner = Math.max(vocabSize, intermediateSize);
        requireSize(
                "num_attention_heads * head_dim * hidden_size",
                (long) numAttentionHeads * headDim,
                hiddenSize);
        requireSize("vocab_size or intermediate_size * hidden_size", inner, hiddenSize);
        require(headDim % 2 == 0, "head_dim is " + headDim + ", rotary embedding needs it even");
        require(ropeTheta > 0 && Double.isFinite(ropeTheta), "rope_theta is " + ropeTheta);
        require(rmsNormEps >= 0 && Float.isFinite(rmsNormEps), "rms_norm_eps is " + rmsNormEps);
        require(
                initializerRange >= 0 && Double.isFinite(initializerRange),
                "initializer_range is " + initializerRange + ", must not be negative");
        require(
                hiddenAct.equals("silu"),
                "hidden_act " + Quote.of(hiddenAct) + " is not supported, only Mistral's \"silu\"");
        require(
                attentionDropout == 0,
                "attention_dropout is " + attentionDropout + ", only 0 is supported");
    }

    private static void positive(String field, int value) {
        require(value > 0, field + " is " + value + ", must be positive");
    }

    /** A matrix has fewer than 2^31 elements, those of 123 billion parameters up to 1.6 * 10^9. */
    private static void requireSize(String product, long rows, int columns) {
        require(
                rows <= Integer.MAX_VALUE / columns,
                product + " is over the limit of 2^31 - 1: " + rows + " * " + columns);
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw ConfigFields.invalid(otherwise, null);
        }
    }

    /**
     * Returns the reference's defaults. They are not those of any published checkpoint: its {@code
     * rms_norm_eps} is 1e-5.
     *
     * @return the configuration that an empty {@code config.json} stands for
     */
    public static MistralConfig defaults() {
        return parse("{}");
    }

    /**
     * Returns Mistral-7B-v0.1's configuration.
     *
     * @return the values of {@code huggingface.co/mistralai/Mistral-7B-v0.1}, {@code config.json}
     */
    public static MistralConfig mistral7bV01() {
        return published(32000, 10000, 4096);
    }

    /**
     * Returns Mistral-7B-Instruct-v0.1's configuration, that of the base model.
     *
     * @return the values of {@code huggingface.co/mistralai/Mistral-7B-Instruct-v0.1}, {@code
     *     config.json}
     */
    public static MistralConfig mistral7bInstructV01() {
        return mistral7bV01();
    }

    /**
     * Returns Mistral-7B-Instruct-v0.2's configuration: no window, a larger rotary base.
     *
     * @return the values of {@code huggingface.co/mistralai/Mistral-7B-Instruct-v0.2}, {@code
     *     config.json}
     */
    public static MistralConfig mistral7bInstructV02() {
        return published(32000, 1e6, null);
    }

    /**
     * Returns the configuration of Mistral-7B-v0.3 and Mistral-7B-Instruct-v0.3: v0.2's with a
     * larger vocabulary.
     *
     * @return the values of {@code huggingface.co/mistralai/Mistral-7B-v0.3}, {@code config.json}
     */
    public static MistralConfig mistral7bV03() {
        return published(32768, 1e6, null);
    }

    private static MistralConfig published(int vocabulary, double theta, @Nullable Integer window) {
        return new MistralConfig(
                vocabulary,
                4096,
                14336,
                32,
                32,
                8,
                128,
                "silu",
                32768,
                0.02,
                1e-5f,
                theta,
                window,
                0,
                true,
                false,
                1,
                List.of(2),
                null,
                Dtype.BFLOAT16,
                null);
    }

    /**
     * Reads the configuration of a checkpoint: {@code config.json}, or {@code params.json} beside
     * Mistral's own {@code consolidated.safetensors}, or what a GGUF file says.
     *
     * @param directory the checkpoint, or a GGUF file
     * @return its configuration
     * @throws IOException if there is none, or it is not one of a Mistral network
     */
    public static MistralConfig read(Path directory) throws IOException {
        Optional<Path> gguf = Gguf.find(directory);
        if (gguf.isPresent()) {
            return GgufConfig.of(Gguf.open(gguf.get()));
        }
        for (String name : List.of("config.json", "params.json")) {
            Path file = directory.resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    String json = SmallFile.text(file, StrictJson.LONGEST);
                    return name.equals("config.json") ? parse(json) : parseParams(json);
                } catch (IllegalArgumentException e) {
                    throw new IOException(file + ": " + e.getMessage(), e);
                }
            }
        }
        throw new IOException(
                directory.toAbsolutePath()
                        + " is no model directory: it has neither config.json nor params.json;"
                        + " give the directory that holds a checkpoint's files");
    }

    /**
     * Reads a {@code config.json}, in the older and the newer spelling ({@code rope_theta} or
     * {@code rope_parameters}, {@code torch_dtype} or {@code dtype}). An absent key takes the
     * reference's default; an explicit null does not: {@code "sliding_window": null} means no
     * window, absent means 4096.
     *
     * @param json the file's text
     * @return the configuration
     * @throws IllegalArgumentException if it is not JSON or not a Mistral network's, naming the key
     */
    public static MistralConfig parse(String json) {
        ConfigFields fields = ConfigFields.parse(json);
        String type = fields.get("model_type", ConfigFields::text, "mistral");
        require(
                "mistral".equals(type),
                "model_type is " + Quote.of("" + type) + ", this network runs \"mistral\" only");
        int hidden = fields.integer("hidden_size", 4096);
        int heads = fields.integer("num_attention_heads", 32);
        Integer keyValueHeads = fields.get("num_key_value_heads", ConfigFields::exact, 8);
        Integer headDim = fields.get("head_dim", ConfigFields::exact, null);
        positive("num_attention_heads", heads);
        require(
                headDim != null || hidden % heads == 0,
                "hidden_size " + hidden + " is no multiple of num_attention_heads " + heads);
        String dtype =
                fields.get(fields.has("dtype") ? "dtype" : "torch_dtype", ConfigFields::text, null);
        return new MistralConfig(
                fields.integer("vocab_size", 32000),
                hidden,
                fields.integer("intermediate_size", 14336),
                fields.integer("num_hidden_layers", 32),
                heads,
                keyValueHeads == null ? heads : keyValueHeads,
                headDim == null ? hidden / heads : headDim,
                fields.require("hidden_act", ConfigFields::text, "silu"),
                fields.integer("max_position_embeddings", 131072),
                fields.number("initializer_range", 0.02),
                (float) fields.number("rms_norm_eps", 1e-6),
                ropeTheta(fields),
                fields.get("sliding_window", ConfigFields::exact, 4096),
                fields.number("attention_dropout", 0.0),
                fields.require("use_cache", ConfigFields::bool, true),
                fields.require("tie_word_embeddings", ConfigFields::bool, false),
                fields.get("bos_token_id", ConfigFields::exact, 1),
                fields.integers("eos_token_id", List.of(2)),
                fields.get("pad_token_id", ConfigFields::exact, null),
                dtype == null ? null : Dtype.of(dtype),
                QuantizationFields.read(fields.object("quantization_config")));
    }

    private static double ropeTheta(ConfigFields fields) {
        for (String key : List.of("rope_parameters", "rope_scaling")) {
            ConfigFields rope = fields.object(key);
            if (rope == null) {
                continue;
            }
            String type =
                    rope.get(
                            rope.has("type") ? "type" : "rope_type", ConfigFields::text, "default");
            require(
                    "default".equals(type),
                    key
                            + " of type "
                            + Quote.of("" + type)
                            + " is not supported, only \"default\"");
            if (rope.has("rope_theta")) {
                return rope.number("rope_theta", null);
            }
        }
        return fields.number("rope_theta", 10000.0);
    }

    /**
     * Reads a {@code params.json} of mistral-inference ({@code TransformerArgs}).
     *
     * @param json the file's text
     * @return the configuration
     * @throws IllegalArgumentException if it is not JSON or lacks a key, naming the key
     */
    public static MistralConfig parseParams(String json) {
        ConfigFields fields = ConfigFields.parse(json);
        Integer window = fields.get("sliding_window", ConfigFields::exact, null);
        // mistral-inference's own rule where the file does not say
        double theta = window == null ? 1e6 : 1e4;
        int heads = fields.integer("n_heads", null);
        return new MistralConfig(
                fields.integer("vocab_size", null),
                fields.integer("dim", null),
                fields.integer("hidden_dim", null),
                fields.integer("n_layers", null),
                heads,
                fields.integer("n_kv_heads", heads),
                fields.integer("head_dim", null),
                "silu",
                fields.integer("max_position_embeddings", 32768),
                0.02,
                (float) fields.number("norm_eps", null),
                fields.number("rope_theta", theta),
                window,
                0,
                true,
                fields.require("tied_embeddings", ConfigFields::bool, false),
                1,
                List.of(2),
                null,
                null,
                null);
    }

    /** Returns the window as the kernels take it, 0 where there is none. */
    public int window() {
        return slidingWindow == null ? 0 : slidingWindow;
    }

    /**
     * Counts the parameters.
     *
     * @return how many numbers the network learns; 7,241,732,096 for Mistral-7B-v0.1
     */
    public long parameterCount() {
        long embedding = (long) vocabSize * hiddenSize;
        long attention = 2L * hiddenSize * headDim * (numAttentionHeads + numKeyValueHeads);
        long layer = attention + 3L * hiddenSize * intermediateSize + 2L * hiddenSize;
        return embedding * (tieWordEmbeddings ? 1 : 2) + numHiddenLayers * layer + hiddenSize;
    }
}
