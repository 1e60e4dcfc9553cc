/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Gguf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a Mistral network, with the fields of {@code MistralConfig} in transformers
 * and their defaults. Create it with {@link #builder}, or {@link #read} that of a checkpoint.
 *
 * @param vocabSize number of tokens in the vocabulary (V)
 * @param hiddenSize width of the hidden states (E)
 * @param intermediateSize width of the feed-forward network (I)
 * @param numHiddenLayers number of decoder layers (L), at most 4096
 * @param numAttentionHeads number of query heads (H)
 * @param numKeyValueHeads number of key/value heads (G), a divisor of H
 * @param headDim width of a head (D), even
 * @param hiddenAct the activation; only {@code silu} is supported
 * @param maxPositionEmbeddings the longest sequence that the model was trained for, in tokens
 * @param initializerRange standard deviation of the initial weights, not negative
 * @param rmsNormEps epsilon of the norms, added to the mean square, not negative
 * @param ropeTheta base of the rotary frequencies, positive
 * @param slidingWindow number of tokens that a token attends to, itself included; null for all
 *     tokens up to itself
 * @param attentionDropout dropout of the attention weights in training; only 0 is supported
 * @param useCache whether generation uses a KV cache
 * @param tieWordEmbeddings whether the output layer shares its weight with the embedding table
 * @param bosTokenId id of the token that begins a text, or null
 * @param eosTokenIds ids of the tokens that end a text; may be empty
 * @param padTokenId id of the padding token, or null
 * @param dtype data type of the stored weights, or null if unknown
 * @param quantizationConfig quantization of the stored weights, or null if they are not quantized
 * @param architecture the class of the reference that the weights are of, such as {@code
 *     MistralForCausalLM}, or null if unknown
 * @param labels the classes of a classification head
 * @param classifierDropout dropout, in training, of the hidden states that a token classification
 *     head reads; from 0 to below 1
 * @param isCausal whether a token attends only to those before it and itself; with {@code false}
 *     attention is bidirectional, which suits embeddings and classification, and the sliding window
 *     reaches as far in both directions
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
        @Nullable QuantizationConfig quantizationConfig,
        @Nullable String architecture,
        LabelConfig labels,
        double classifierDropout,
        boolean isCausal) {

    /** Models of 405 billion parameters have 126. */
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
                        + ", not a multiple of num_key_value_heads, "
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
        require(
                headDim % 2 == 0,
                "head_dim is " + headDim + ", rotary embedding needs an even number");
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
        require(
                classifierDropout >= 0 && classifierDropout < 1,
                "classifier_dropout is " + classifierDropout + ", must be from 0 to below 1");
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

    /** Returns a builder with the defaults of the reference. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns a builder with the values of this configuration. */
    public Builder toBuilder() {
        return new Builder()
                .vocabSize(vocabSize)
                .hiddenSize(hiddenSize)
                .intermediateSize(intermediateSize)
                .numHiddenLayers(numHiddenLayers)
                .numAttentionHeads(numAttentionHeads)
                .numKeyValueHeads(numKeyValueHeads)
                .headDim(headDim)
                .hiddenAct(hiddenAct)
                .maxPositionEmbeddings(maxPositionEmbeddings)
                .initializerRange(initializerRange)
                .rmsNormEps(rmsNormEps)
                .ropeTheta(ropeTheta)
                .slidingWindow(slidingWindow)
                .attentionDropout(attentionDropout)
                .useCache(useCache)
                .tieWordEmbeddings(tieWordEmbeddings)
                .bosTokenId(bosTokenId)
                .eosTokenIds(eosTokenIds)
                .padTokenId(padTokenId)
                .dtype(dtype)
                .quantizationConfig(quantizationConfig)
                .architecture(architecture)
                .labels(labels)
                .classifierDropout(classifierDropout)
                .isCausal(isCausal);
    }

    /**
     * Returns the defaults of the reference, the configuration of an empty {@code config.json}. No
     * published checkpoint has exactly these: theirs have an {@code rms_norm_eps} of 1e-5.
     */
    public static MistralConfig defaults() {
        return builder().build();
    }

    /**
     * Returns the configuration of Mistral-7B-v0.1 and Mistral-7B-Instruct-v0.1, that of {@code
     * config.json} at {@code huggingface.co/mistralai/Mistral-7B-v0.1}.
     */
    public static MistralConfig mistral7bV01() {
        return builder()
                .maxPositionEmbeddings(32768)
                .rmsNormEps(1e-5f)
                .dtype(Dtype.BFLOAT16)
                .build();
    }

    /**
     * Returns the configuration of Mistral-7B-Instruct-v0.2: that of v0.1 without a window and with
     * a larger rotary base.
     */
    public static MistralConfig mistral7bInstructV02() {
        return mistral7bV01().toBuilder().ropeTheta(1e6).slidingWindow(null).build();
    }

    /**
     * Returns the configuration of Mistral-7B-v0.3 and Mistral-7B-Instruct-v0.3: that of v0.2 with
     * a larger vocabulary.
     */
    public static MistralConfig mistral7bV03() {
        return mistral7bInstructV02().toBuilder().vocabSize(32768).build();
    }

    /**
     * Reads the configuration of a checkpoint: {@code config.json}, or {@code params.json} beside
     * {@code consolidated.safetensors}, or the metadata of a GGUF file.
     *
     * @param path the directory of the checkpoint, or a GGUF file
     * @return the configuration
     * @throws IOException if there is none, or it is not that of a Mistral network
     */
    public static MistralConfig read(Path path) throws IOException {
        Optional<Path> gguf = Gguf.find(path);
        return gguf.isPresent()
                ? GgufConfig.of(Gguf.open(gguf.get()))
                : MistralConfigFile.read(path);
    }

    /**
     * Parses a {@code config.json}, in the older and the newer spelling ({@code rope_theta} or
     * {@code rope_parameters}, {@code torch_dtype} or {@code dtype}). An absent key takes the
     * default, an explicit null does not: {@code "sliding_window": null} means no window, an absent
     * {@code sliding_window} means 4096.
     *
     * @param json the text of the file
     * @return the configuration
     * @throws IllegalArgumentException if it is not JSON, or not that of a Mistral network; the
     *     message names the key
     */
    public static MistralConfig parse(String json) {
        return MistralConfigFile.config(json);
    }

    /**
     * Parses a {@code params.json} of mistral-inference ({@code TransformerArgs}).
     *
     * @param json the text of the file
     * @return the configuration
     * @throws IllegalArgumentException if it is not JSON, or lacks a key; the message names the key
     */
    public static MistralConfig parseParams(String json) {
        return MistralConfigFile.params(json);
    }

    /** Returns the sliding window in tokens, 0 if there is none. */
    public int window() {
        return slidingWindow == null ? 0 : slidingWindow;
    }

    /**
     * Requires that text can be generated.
     *
     * @throws IllegalArgumentException if attention is bidirectional: each token would depend on
     *     those that follow it
     */
    public void requireCausal() {
        if (!isCausal) {
            throw new IllegalArgumentException(
                    "this network attends in both directions (is_causal is false in config.json),"
                            + " so it cannot generate text: use it for embeddings, or choose a"
                            + " causal checkpoint");
        }
    }

    /** Returns the number of elements that a token has in the KV cache, keys and values. */
    public long cacheElements() {
        return 2L * numHiddenLayers * numKeyValueHeads * headDim;
    }

    /** Returns the number of parameters, 7,241,732,096 for Mistral-7B-v0.1. */
    public long parameterCount() {
        return parameterShapes().values().stream().mapToLong(Shape::size).sum();
    }

    /**
     * Returns the shapes of the parameters of a network with this configuration: of the class that
     * {@link #architecture} names, {@code MistralForCausalLM} if it names none.
     *
     * @return the shapes by the names in checkpoints, in the order of the reference: embedding,
     *     layers, final norm, head; without {@code lm_head.weight} if the embeddings are tied
     */
    public Map<String, Shape> parameterShapes() {
        return Collections.unmodifiableMap(
                ParameterShapes.of(this, Architecture.orCausalLm(architecture)).shapes());
    }

    /** Builder; its defaults are those of {@code MistralConfig} in transformers. */
    public static final class Builder {

        private int vocabSize = 32000;
        private int hiddenSize = 4096;
        private int intermediateSize = 14336;
        private int numHiddenLayers = 32;
        private int numAttentionHeads = 32;
        private @Nullable Integer numKeyValueHeads = 8;
        private @Nullable Integer headDim;
        private String hiddenAct = "silu";
        private int maxPositionEmbeddings = 131072;
        private double initializerRange = 0.02;
        private float rmsNormEps = 1e-6f;
        private double ropeTheta = 10000;
        private @Nullable Integer slidingWindow = 4096;
        private double attentionDropout;
        private boolean useCache = true;
        private boolean tieWordEmbeddings;
        private @Nullable Integer bosTokenId = 1;
        private List<Integer> eosTokenIds = List.of(2);
        private @Nullable Integer padTokenId;
        private @Nullable Dtype dtype;
        private @Nullable QuantizationConfig quantizationConfig;
        private @Nullable String architecture;
        private LabelConfig labels = LabelConfig.DEFAULT;
        private double classifierDropout = 0.1;
        private boolean isCausal = true;

        private Builder() {}

        /** Sets {@code vocab_size}. Default 32000. */
        public Builder vocabSize(int value) {
            vocabSize = value;
            return this;
        }

        /** Sets {@code hidden_size}. Default 4096. */
        public Builder hiddenSize(int value) {
            hiddenSize = value;
            return this;
        }

        /** Sets {@code intermediate_size}. Default 14336. */
        public Builder intermediateSize(int value) {
            intermediateSize = value;
            return this;
        }

        /** Sets {@code num_hidden_layers}. Default 32. */
        public Builder numHiddenLayers(int value) {
            numHiddenLayers = value;
            return this;
        }

        /** Sets {@code num_attention_heads}. Default 32. */
        public Builder numAttentionHeads(int value) {
            numAttentionHeads = value;
            return this;
        }

        /** Sets {@code num_key_value_heads}; null for one per query head. Default 8. */
        public Builder numKeyValueHeads(@Nullable Integer value) {
            numKeyValueHeads = value;
            return this;
        }

        /**
         * Sets {@code head_dim}; null, the default, for {@code hidden_size / num_attention_heads}.
         */
        public Builder headDim(@Nullable Integer value) {
            headDim = value;
            return this;
        }

        /** Sets {@code hidden_act}. Default {@code "silu"}. */
        public Builder hiddenAct(String value) {
            hiddenAct = value;
            return this;
        }

        /** Sets {@code max_position_embeddings}. Default 131072. */
        public Builder maxPositionEmbeddings(int value) {
            maxPositionEmbeddings = value;
            return this;
        }

        /** Sets {@code initializer_range}. Default 0.02. */
        public Builder initializerRange(double value) {
            initializerRange = value;
            return this;
        }

        /** Sets {@code rms_norm_eps}. Default 1e-6. */
        public Builder rmsNormEps(float value) {
            rmsNormEps = value;
            return this;
        }

        /** Sets {@code rope_theta}. Default 10000. */
        public Builder ropeTheta(double value) {
            ropeTheta = value;
            return this;
        }

        /** Sets {@code sliding_window}, null for no window. Default 4096. */
        public Builder slidingWindow(@Nullable Integer value) {
            slidingWindow = value;
            return this;
        }

        /** Sets {@code attention_dropout}. Default 0. */
        public Builder attentionDropout(double value) {
            attentionDropout = value;
            return this;
        }

        /** Sets {@code use_cache}. Default true. */
        public Builder useCache(boolean value) {
            useCache = value;
            return this;
        }

        /** Sets {@code tie_word_embeddings}. Default false. */
        public Builder tieWordEmbeddings(boolean value) {
            tieWordEmbeddings = value;
            return this;
        }

        /** Sets {@code bos_token_id}, null for none. Default 1. */
        public Builder bosTokenId(@Nullable Integer value) {
            bosTokenId = value;
            return this;
        }

        /** Sets {@code eos_token_id}. Default 2. */
        public Builder eosTokenIds(List<Integer> value) {
            eosTokenIds = value;
            return this;
        }

        /** Sets {@code pad_token_id}, null for none. Default none. */
        public Builder padTokenId(@Nullable Integer value) {
            padTokenId = value;
            return this;
        }

        /** Sets the data type of the stored weights, null if unknown. */
        public Builder dtype(@Nullable Dtype value) {
            dtype = value;
            return this;
        }

        /** Sets the quantization of the stored weights, null if they are not quantized. */
        public Builder quantizationConfig(@Nullable QuantizationConfig value) {
            quantizationConfig = value;
            return this;
        }

        /** Sets the class of the reference that the weights are of, null if unknown. */
        public Builder architecture(@Nullable String value) {
            architecture = value;
            return this;
        }

        /** Sets the classes of a classification head. Default {@link LabelConfig#DEFAULT}. */
        public Builder labels(LabelConfig value) {
            labels = value;
            return this;
        }

        /** Sets {@code classifier_dropout}. Default 0.1. */
        public Builder classifierDropout(double value) {
            classifierDropout = value;
            return this;
        }

        /** Sets {@code is_causal}: false for bidirectional attention. Default true. */
        public Builder isCausal(boolean value) {
            isCausal = value;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if a value is out of its range, or the values are
         *     inconsistent; the message names the field as in {@code config.json}
         */
        public MistralConfig build() {
            positive("num_attention_heads", numAttentionHeads);
            require(
                    headDim != null || hiddenSize % numAttentionHeads == 0,
                    "hidden_size "
                            + hiddenSize
                            + " is not a multiple of num_attention_heads "
                            + numAttentionHeads);
            return new MistralConfig(
                    vocabSize,
                    hiddenSize,
                    intermediateSize,
                    numHiddenLayers,
                    numAttentionHeads,
                    numKeyValueHeads == null ? numAttentionHeads : numKeyValueHeads,
                    headDim == null ? hiddenSize / numAttentionHeads : headDim,
                    hiddenAct,
                    maxPositionEmbeddings,
                    initializerRange,
                    rmsNormEps,
                    ropeTheta,
                    slidingWindow,
                    attentionDropout,
                    useCache,
                    tieWordEmbeddings,
                    bosTokenId,
                    eosTokenIds,
                    padTokenId,
                    dtype,
                    quantizationConfig,
                    architecture,
                    labels,
                    classifierDropout,
                    isCausal);
        }
    }
}
