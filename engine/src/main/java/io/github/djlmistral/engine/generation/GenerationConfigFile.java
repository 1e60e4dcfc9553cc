/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
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
 * the reference). A generation mode that is not supported is an error; other unknown keys are named
 * in a warning.
 */
final class GenerationConfigFile {

    private static final Logger logger = LoggerFactory.getLogger(GenerationConfigFile.class);

    private static final int MAX_BYTES = 4 << 20;

    /** Modes of the reference that are not supported, with the values that select none. */
    private static final JsonObject UNSUPPORTED =
            JsonParser.parseString(
                            """
                            {"num_beam_groups": 1, "penalty_alpha": 0, "dola_layers": null,
                             "force_words_ids": null, "constraints": null, "token_healing": false}
                            """)
                    .getAsJsonObject();

    /** Further options without effect here, with the values that have none in the reference. */
    private static final JsonObject NEUTRAL =
            JsonParser.parseString(
                            """
                            {"max_length": 20, "diversity_penalty": 0, "forced_decoder_ids": null}
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
                    "output_attentions",
                    "output_hidden_states",
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
                    "assistant_early_exit",
                    "assistant_ensemble_weight",
                    "assistant_lookbehind",
                    "target_lookbehind",
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
                json.keySet()
                        .removeIf(
                                key ->
                                        !UNSUPPORTED.has(key)
                                                && !NEUTRAL.has(key)
                                                && !GenerationConfig.isOption(key));
            }
            refuse(json);
            builder.recommend(options(json));
            builder.build();
            warn(file, json);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + Quote.oneLine("" + e.getMessage(), 800), e);
        }
    }

    /** Rejects modes that would generate another text. */
    private static void refuse(JsonObject json) {
        for (String key : UNSUPPORTED.keySet()) {
            JsonElement value = json.remove(key);
            if (value != null && !value.isJsonNull() && !equal(value, UNSUPPORTED.get(key))) {
                throw new IllegalArgumentException(
                        GenerationConfig.shortened(key + " is " + value)
                                + ", which is not supported: remove it");
            }
        }
    }

    /** Whether two values are equal; 0 equals 0.0. */
    private static boolean equal(JsonElement value, JsonElement other) {
        return value.equals(other)
                || (isNumber(value)
                        && isNumber(other)
                        && value.getAsDouble() == other.getAsDouble());
    }

    private static boolean isNumber(JsonElement value) {
        return value instanceof JsonPrimitive primitive && primitive.isNumber();
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
        if (element.isJsonObject()) {
            Map<String, Object> map = new LinkedHashMap<>();
            element.getAsJsonObject()
                    .entrySet()
                    .forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
            return map;
        }
        if (element.isJsonPrimitive()) {
            return element.getAsString();
        }
        throw new IllegalArgumentException("an option contains null");
    }

    private static void warn(Path file, JsonObject json) {
        List<String> unsupported = new ArrayList<>();
        for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
            String key = entry.getKey();
            JsonElement value = entry.getValue();
            if (!value.isJsonNull()
                    && !GenerationConfig.isOption(key)
                    && !WITHOUT_EFFECT.contains(key)
                    && !equal(value, NEUTRAL.get(key))) {
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
