/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The generation options of a checkpoint: its {@code generation_config.json}, or, where there is
 * none, the generation keys of {@code config.json} ({@code GenerationMixin.adjust_generation_fn} of
 * the reference). Keys that would change the generated text and are not supported are named in a
 * warning.
 */
final class GenerationConfigFile {

    private static final Logger logger = LoggerFactory.getLogger(GenerationConfigFile.class);

    private static final int MAX_BYTES = 4 << 20;

    /** The reference's options that are not supported, with the values that have no effect. */
    private static final JsonObject NEUTRAL =
            JsonParser.parseString(
                            """
                            {"max_length": 20, "min_length": 0, "max_time": null,
                             "early_stopping": false, "num_beams": 1, "num_beam_groups": 1,
                             "penalty_alpha": null, "dola_layers": null, "top_h": null,
                             "typical_p": 1, "epsilon_cutoff": 0, "eta_cutoff": 0,
                             "diversity_penalty": 0, "encoder_repetition_penalty": 1,
                             "length_penalty": 1, "no_repeat_ngram_size": 0,
                             "encoder_no_repeat_ngram_size": 0, "bad_words_ids": null,
                             "force_words_ids": null, "constraints": null,
                             "forced_bos_token_id": null, "forced_eos_token_id": null,
                             "forced_decoder_ids": null, "remove_invalid_values": false,
                             "exponential_decay_length_penalty": null, "suppress_tokens": null,
                             "begin_suppress_tokens": null, "sequence_bias": null,
                             "token_healing": false, "guidance_scale": 1,
                             "watermarking_config": null, "num_return_sequences": 1}
                            """)
                    .getAsJsonObject();

    /** Keys that do not change which tokens are generated. */
    private static final Set<String> WITHOUT_EFFECT =
            Set.of(
                    "_from_model_config",
                    "_commit_hash",
                    "transformers_version",
                    "bos_token_id",
                    "decoder_start_token_id",
                    "renormalize_logits",
                    "output_attentions",
                    "output_hidden_states",
                    "output_scores",
                    "output_logits",
                    "return_dict_in_generate",
                    "return_legacy_cache",
                    "use_cache",
                    "cache_implementation",
                    "cache_config",
                    "max_cache_len",
                    "low_memory",
                    "compile_config",
                    "disable_compile",
                    "continuous_batching_config",
                    "is_assistant",
                    "num_assistant_tokens",
                    "num_assistant_tokens_schedule",
                    "assistant_confidence_threshold",
                    "assistant_early_exit",
                    "assistant_ensemble_weight",
                    "assistant_lookbehind",
                    "target_lookbehind",
                    "prompt_lookup_num_tokens",
                    "max_matching_ngram_size",
                    "speculation_type",
                    "use_mtp");

    private GenerationConfigFile() {}

    /**
     * Sets the options of a checkpoint directory, and warns of those that are not supported.
     *
     * @throws IOException if the file cannot be read or holds a value out of its range
     */
    static void read(Path directory, GenerationConfig.Builder builder) throws IOException {
        Path file = directory.resolve("generation_config.json");
        boolean own = Files.isRegularFile(file);
        if (!own) {
            file = directory.resolve("config.json");
            if (!Files.isRegularFile(file)) {
                return; // a GGUF file, or a checkpoint with params.json
            }
        }
        JsonObject json = StrictJson.read(file, MAX_BYTES);
        try {
            if (!own) {
                // MistralConfig has read these two, and the other keys are the network's
                json.keySet().removeAll(Set.of("eos_token_id", "pad_token_id"));
                json.keySet().removeIf(key -> !NEUTRAL.has(key) && !GenerationConfig.isOption(key));
            }
            builder.recommend(options(json));
            builder.build();
            warn(file, json);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + Quote.oneLine("" + e.getMessage(), 800), e);
        }
    }

    private static Map<String, Object> options(JsonObject json) {
        Map<String, Object> options = new LinkedHashMap<>();
        json.entrySet().stream()
                .filter(entry -> GenerationConfig.isOption(entry.getKey()))
                .filter(entry -> !entry.getValue().isJsonNull())
                .forEach(entry -> options.put(entry.getKey(), plain(entry.getValue())));
        return options;
    }

    private static Object plain(JsonElement element) {
        if (element.isJsonArray()) {
            List<Object> list = new ArrayList<>();
            element.getAsJsonArray().forEach(e -> list.add(plain(e)));
            return list;
        }
        if (element.isJsonPrimitive()) {
            return element.getAsString();
        }
        throw new IllegalArgumentException(
                "an option has " + StrictJson.describe(element) + " for a value");
    }

    private static void warn(Path file, JsonObject json) {
        List<String> unsupported = new ArrayList<>();
        for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
            String key = entry.getKey();
            JsonElement value = entry.getValue();
            if (!value.isJsonNull()
                    && !GenerationConfig.isOption(key)
                    && !WITHOUT_EFFECT.contains(key)
                    && !value.equals(NEUTRAL.get(key))) {
                unsupported.add(GenerationConfig.shortened(key + "=" + value));
            }
        }
        if (!unsupported.isEmpty()) {
            logger.warn(
                    "{}: not supported, without effect: {}",
                    file,
                    Quote.oneLine(unsupported.toString(), 800));
        }
    }
}
