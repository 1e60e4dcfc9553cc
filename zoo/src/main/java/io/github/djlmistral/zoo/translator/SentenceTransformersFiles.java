/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The files that sentence-transformers puts into a checkpoint: {@code modules.json}, the list of
 * what computes an embedding, the {@code config.json} of its pooling module, {@code
 * sentence_bert_config.json} and {@code config_sentence_transformers.json}. Supported are the
 * modules Transformer, Pooling (of the last token, the mean or the first token) and Normalize, in
 * the spelling of version 6 and in the older one.
 */
final class SentenceTransformersFiles {

    private static final String REMEDY =
            "; choose another checkpoint, or compute its embeddings with sentence-transformers";

    /** The keys of older versions, one for each mode. */
    private static final Map<String, String> FLAGS =
            Map.of(
                    "pooling_mode_cls_token", "cls",
                    "pooling_mode_max_tokens", "max",
                    "pooling_mode_mean_tokens", "mean",
                    "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens",
                    "pooling_mode_weightedmean_tokens", "weightedmean",
                    "pooling_mode_lasttoken", "lasttoken");

    private final Path directory;
    private final @Nullable Path poolingFile;
    private final JsonObject poolingConfig;
    private final boolean normalizes;
    private final int longest;

    private SentenceTransformersFiles(Path directory) throws IOException {
        this.directory = directory;
        Path modules = directory.resolve("modules.json");
        if (!Files.exists(modules)) {
            poolingFile = null;
            poolingConfig = new JsonObject();
            normalizes = false;
            longest = Integer.MAX_VALUE;
            return;
        }
        Map<String, String> paths = modules(modules);
        Path folder = directory.resolve(paths.get("Pooling")).normalize();
        if (!folder.startsWith(directory.normalize())) {
            throw new IOException(modules + ": the path of a module is outside of the checkpoint");
        }
        poolingFile = folder.resolve("config.json");
        poolingConfig = StrictJson.read(poolingFile, StrictJson.LONGEST);
        normalizes = paths.containsKey("Normalize");
        longest = readLongest();
    }

    /** Reads the files of a checkpoint; beside a GGUF file there are none. */
    static SentenceTransformersFiles of(Path checkpoint) throws IOException {
        return new SentenceTransformersFiles(checkpoint);
    }

    /** Returns the paths of the modules by their class. */
    private static Map<String, String> modules(Path file) throws IOException {
        Map<String, String> paths = new LinkedHashMap<>();
        for (JsonElement element : StrictJson.readArray(file, StrictJson.LONGEST)) {
            try {
                JsonObject module = StrictJson.object(element, "module");
                String type = StrictJson.string(module.get("type"), "type");
                paths.put(
                        type.substring(type.lastIndexOf('.') + 1),
                        StrictJson.string(module.get("path"), "path"));
            } catch (IllegalArgumentException e) {
                throw damaged(file, e);
            }
        }
        List<String> classes = List.copyOf(paths.keySet());
        if (!classes.equals(List.of("Transformer", "Pooling"))
                && !classes.equals(List.of("Transformer", "Pooling", "Normalize"))) {
            throw new IOException(
                    file
                            + ": the modules "
                            + Quote.oneLine(String.join(", ", classes), 200)
                            + " are not supported, only Transformer, Pooling and Normalize"
                            + REMEDY);
        }
        return paths;
    }

    private static IOException damaged(Path file, IllegalArgumentException e) {
        return new IOException(file + ": " + e.getMessage() + ". Download it again.", e);
    }

    private JsonObject read(String name) throws IOException {
        Path file = directory.resolve(name);
        return Files.exists(file) ? StrictJson.read(file, StrictJson.LONGEST) : new JsonObject();
    }

    /**
     * Returns {@code max_seq_length}, which newer versions keep in the tokenizer's settings: there,
     * a huge number means that it is unknown.
     */
    private int readLongest() throws IOException {
        JsonObject transformer = read("sentence_bert_config.json");
        JsonElement lower = StrictJson.get(transformer, "do_lower_case");
        boolean lowers = lower instanceof JsonPrimitive value && value.getAsBoolean();
        boolean chats =
                StrictJson.get(transformer, "modality_config") instanceof JsonObject modalities
                        && modalities.has("message");
        if (lowers || chats) {
            throw new IOException(
                    directory.resolve("sentence_bert_config.json")
                            + (lowers
                                    ? ": do_lower_case is not supported"
                                    : ": the modality \"message\", texts rendered by the chat"
                                            + " template, is not supported")
                            + REMEDY);
        }
        JsonElement own = StrictJson.get(transformer, "max_seq_length");
        JsonElement tokenizers = StrictJson.get(read("tokenizer_config.json"), "model_max_length");
        JsonElement most = own == null ? tokenizers : own;
        if (most == null) {
            return Integer.MAX_VALUE;
        }
        if (!(most instanceof JsonPrimitive number)
                || !number.isNumber()
                || number.getAsBigDecimal().signum() <= 0) {
            throw new IOException(
                    directory
                            + ": "
                            + (own == null ? "model_max_length" : "max_seq_length")
                            + " is "
                            + StrictJson.describe(most)
                            + ", but must be a positive number. Correct it.");
        }
        return number.getAsBigDecimal().min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValue();
    }

    /** Returns the pooling; empty if the checkpoint does not say. */
    Optional<Pooling> pooling() throws IOException {
        if (poolingFile == null) {
            return Optional.empty();
        }
        List<String> modes = new ArrayList<>();
        try {
            JsonElement mode = StrictJson.get(poolingConfig, "pooling_mode");
            if (mode instanceof JsonPrimitive) {
                modes.add(StrictJson.string(mode, "pooling_mode"));
            } else if (mode != null) {
                for (JsonElement each : StrictJson.array(mode, "pooling_mode")) {
                    modes.add(StrictJson.string(each, "pooling_mode"));
                }
            } else {
                for (Map.Entry<String, String> flag : FLAGS.entrySet()) {
                    JsonElement value = StrictJson.get(poolingConfig, flag.getKey());
                    if (value != null && StrictJson.bool(value, flag.getKey())) {
                        modes.add(flag.getValue());
                    }
                }
            }
        } catch (IllegalArgumentException e) {
            throw damaged(poolingFile, e);
        }
        // the default of sentence-transformers
        String only = modes.isEmpty() ? "mean" : modes.size() == 1 ? modes.get(0) : "";
        return Optional.of(
                switch (only) {
                    case "lasttoken" -> Pooling.LAST;
                    case "mean" -> Pooling.MEAN;
                    case "cls" -> Pooling.CLS;
                    default ->
                            throw new IOException(
                                    poolingFile
                                            + ": the pooling "
                                            + Quote.oneLine(
                                                    String.join(
                                                            ", ", modes.stream().sorted().toList()),
                                                    200)
                                            + " is not supported, only one of lasttoken, mean and"
                                            + " cls"
                                            + REMEDY);
                });
    }

    /** Returns whether embeddings are normalized. */
    boolean normalizes() {
        return normalizes;
    }

    /** Returns the most tokens of a text, {@link Integer#MAX_VALUE} if the files do not say. */
    int longest() {
        return longest;
    }

    /** Requires that the tokens of a prompt are pooled with those of the text. */
    void requirePooledPrompt() throws IOException {
        JsonElement included = StrictJson.get(poolingConfig, "include_prompt");
        if (included instanceof JsonPrimitive value && value.isBoolean() && !value.getAsBoolean()) {
            throw new IOException(
                    poolingFile
                            + ": include_prompt is false, pooling without the tokens of the prompt"
                            + " is not supported: give no prompt, or choose another checkpoint");
        }
    }

    /**
     * Returns a prompt of {@code config_sentence_transformers.json}.
     *
     * @param name its name; empty for the checkpoint's default
     * @return the prompt, empty if there is no default
     * @throws IllegalArgumentException if there is none of this name, naming those there are
     */
    String prompt(Optional<String> name) throws IOException {
        JsonObject config = read("config_sentence_transformers.json");
        Map<String, String> prompts = new LinkedHashMap<>();
        String byDefault = null;
        try {
            JsonElement all = StrictJson.get(config, "prompts");
            if (all != null) {
                JsonObject texts = StrictJson.object(all, "prompts");
                for (String key : texts.keySet()) {
                    JsonElement text = StrictJson.get(texts, key);
                    prompts.put(key, text == null ? "" : StrictJson.string(text, key));
                }
            }
            JsonElement chosen = StrictJson.get(config, "default_prompt_name");
            byDefault = chosen == null ? null : StrictJson.string(chosen, "default_prompt_name");
        } catch (IllegalArgumentException e) {
            throw damaged(directory.resolve("config_sentence_transformers.json"), e);
        }
        String wanted = name.orElse(byDefault);
        if (wanted == null) {
            return "";
        }
        String prompt = prompts.get(wanted);
        if (prompt == null) {
            throw new IllegalArgumentException(
                    "the checkpoint has no prompt "
                            + Quote.of(wanted)
                            + (prompts.isEmpty()
                                    ? ", it has none: give the text as the argument prompt"
                                    : ", its prompts are "
                                            + Quote.oneLine("" + prompts.keySet(), 200)
                                            + ": name one of them, or give the text as the argument"
                                            + " prompt"));
        }
        return prompt;
    }
}
