/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads {@code config.json} of transformers and {@code params.json} of mistral-inference. */
final class MistralConfigFile {

    private MistralConfigFile() {}

    /** Reads the file that a directory has, {@code config.json} before {@code params.json}. */
    static MistralConfig read(Path directory) throws IOException {
        for (String name : List.of("config.json", "params.json")) {
            Path file = directory.resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    String json = SmallFile.text(file, StrictJson.LONGEST);
                    return name.equals("config.json") ? config(json) : params(json);
                } catch (IllegalArgumentException e) {
                    throw new IOException(file + ": " + e.getMessage(), e);
                }
            }
        }
        throw new IOException(
                directory.toAbsolutePath()
                        + " is not a model directory: it has neither config.json nor params.json;"
                        + " give the directory that holds a checkpoint's files");
    }

    /** See {@link MistralConfig#parse}. */
    static MistralConfig config(String json) {
        ConfigFields fields = ConfigFields.parse(json);
        String type = fields.get("model_type", ConfigFields::text, "mistral");
        if (!"mistral".equals(type)) {
            throw ConfigFields.invalid(
                    "model_type is "
                            + Quote.of("" + type)
                            + ", only networks of type \"mistral\" are supported",
                    null);
        }
        MistralConfig absent = MistralConfig.defaults();
        String dtype =
                fields.get(fields.has("dtype") ? "dtype" : "torch_dtype", ConfigFields::text, null);
        return MistralConfig.builder()
                .vocabSize(fields.integer("vocab_size", absent.vocabSize()))
                .hiddenSize(fields.integer("hidden_size", absent.hiddenSize()))
                .intermediateSize(fields.integer("intermediate_size", absent.intermediateSize()))
                .numHiddenLayers(fields.integer("num_hidden_layers", absent.numHiddenLayers()))
                .numAttentionHeads(
                        fields.integer("num_attention_heads", absent.numAttentionHeads()))
                .numKeyValueHeads(
                        fields.get(
                                "num_key_value_heads",
                                ConfigFields::exact,
                                absent.numKeyValueHeads()))
                .headDim(fields.get("head_dim", ConfigFields::exact, null))
                .hiddenAct(fields.require("hidden_act", ConfigFields::text, absent.hiddenAct()))
                .maxPositionEmbeddings(
                        fields.integer("max_position_embeddings", absent.maxPositionEmbeddings()))
                .initializerRange(fields.number("initializer_range", absent.initializerRange()))
                .rmsNormEps((float) fields.number("rms_norm_eps", (double) absent.rmsNormEps()))
                .ropeTheta(ropeTheta(fields, absent.ropeTheta()))
                .slidingWindow(
                        fields.get("sliding_window", ConfigFields::exact, absent.slidingWindow()))
                .attentionDropout(fields.number("attention_dropout", absent.attentionDropout()))
                .useCache(fields.require("use_cache", ConfigFields::bool, absent.useCache()))
                .tieWordEmbeddings(
                        fields.require(
                                "tie_word_embeddings",
                                ConfigFields::bool,
                                absent.tieWordEmbeddings()))
                .bosTokenId(fields.get("bos_token_id", ConfigFields::exact, absent.bosTokenId()))
                .eosTokenIds(fields.integers("eos_token_id", absent.eosTokenIds()))
                .padTokenId(fields.get("pad_token_id", ConfigFields::exact, absent.padTokenId()))
                .dtype(dtype == null ? null : Dtype.of(dtype))
                .quantizationConfig(QuantizationFields.read(fields.object("quantization_config")))
                .architecture(architecture(fields))
                .labels(LabelFields.read(fields))
                .classifierDropout(classifierDropout(fields, absent.classifierDropout()))
                .isCausal(fields.require("is_causal", ConfigFields::bool, absent.isCausal()))
                .build();
    }

    private static double classifierDropout(ConfigFields fields, double absent) {
        Double hidden = fields.get("hidden_dropout", ConfigFields::real, null);
        Double own = fields.get("classifier_dropout", ConfigFields::real, hidden);
        own = own == null ? hidden : own; // an explicit null is as good as none
        return own == null ? absent : own;
    }

    private static @Nullable String architecture(ConfigFields fields) {
        List<String> all = fields.get("architectures", ConfigFields::texts, null);
        return all == null || all.isEmpty() ? null : all.get(0);
    }

    private static double ropeTheta(ConfigFields fields, double absent) {
        for (String key : List.of("rope_parameters", "rope_scaling")) {
            ConfigFields rope = fields.object(key);
            if (rope == null) {
                continue;
            }
            String type =
                    rope.get(
                            rope.has("type") ? "type" : "rope_type", ConfigFields::text, "default");
            if (!"default".equals(type)) {
                throw ConfigFields.invalid(
                        key
                                + " of type "
                                + Quote.of("" + type)
                                + " is not supported, only \"default\"",
                        null);
            }
            if (rope.has("rope_theta")) {
                return rope.number("rope_theta", null);
            }
        }
        return fields.number("rope_theta", absent);
    }

    /** See {@link MistralConfig#parseParams}. */
    static MistralConfig params(String json) {
        ConfigFields fields = ConfigFields.parse(json);
        Integer window = fields.get("sliding_window", ConfigFields::exact, null);
        int heads = fields.integer("n_heads", null);
        return MistralConfig.builder()
                .vocabSize(fields.integer("vocab_size", null))
                .hiddenSize(fields.integer("dim", null))
                .intermediateSize(fields.integer("hidden_dim", null))
                .numHiddenLayers(fields.integer("n_layers", null))
                .numAttentionHeads(heads)
                .numKeyValueHeads(fields.integer("n_kv_heads", heads))
                .headDim(fields.integer("head_dim", null))
                .maxPositionEmbeddings(fields.integer("max_position_embeddings", 32768))
                .rmsNormEps((float) fields.number("norm_eps", null))
                // the default of mistral-inference depends on the window
                .ropeTheta(fields.number("rope_theta", window == null ? 1e6 : 1e4))
                .slidingWindow(window)
                .tieWordEmbeddings(fields.require("tied_embeddings", ConfigFields::bool, false))
                .architecture("MistralForCausalLM")
                .build();
    }
}
