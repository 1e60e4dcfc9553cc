/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Settings of a tokenizer, from the optional files {@code tokenizer_config.json}, {@code
 * special_tokens_map.json} and {@code added_tokens.json}, or from the metadata of a GGUF file.
 */
public final class TokenizerSettings {

    private static final List<String> FLAGS = List.of("add_bos_token", "add_eos_token", "legacy");
    private static final List<String> ROLES =
            List.of("bos_token", "eos_token", "unk_token", "pad_token");

    private final JsonObject config;
    private final JsonObject specialTokensMap;
    private final JsonObject addedTokens;

    /**
     * Reads the files of a checkpoint.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @throws IOException if a file cannot be read or is not a JSON object; the message names it
     */
    public TokenizerSettings(Path directory) throws IOException {
        Optional<Path> gguf = Gguf.find(directory);
        config =
                gguf.isPresent()
                        ? new GgufTokenizer(GgufMetadata.read(gguf.get())).settings()
                        : readIfPresent(directory.resolve("tokenizer_config.json"));
        specialTokensMap = readIfPresent(directory.resolve("special_tokens_map.json"));
        addedTokens = readIfPresent(directory.resolve("added_tokens.json"));
    }

    private static JsonObject readIfPresent(Path file) throws IOException {
        if (!Files.exists(file)) {
            return new JsonObject();
        }
        JsonObject json = StrictJson.read(file, StrictJson.LONGEST);
        try {
            check(json);
            return json;
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage() + ". Download it again.", e);
        }
    }

    /** Checks the types of the values that this class reads. */
    private static void check(JsonObject json) {
        for (String flag : FLAGS) {
            JsonElement value = StrictJson.get(json, flag);
            if (value != null) {
                StrictJson.bool(value, flag);
            }
        }
        for (String role : ROLES) {
            JsonElement value = StrictJson.get(json, role);
            if (value != null) {
                StrictJson.string(
                        value instanceof JsonObject token ? token.get("content") : value, role);
            }
        }
        JsonElement template = StrictJson.get(json, "chat_template");
        if (template instanceof JsonArray templates) {
            for (JsonElement element : templates) {
                JsonObject named = StrictJson.object(element, "chat_template");
                StrictJson.string(named.get("name"), "chat_template.name");
                StrictJson.string(named.get("template"), "chat_template.template");
            }
        } else if (template != null) {
            StrictJson.string(template, "chat_template");
        }
        JsonElement added = StrictJson.get(json, "added_tokens_decoder");
        if (added != null) {
            StrictJson.object(added, "added_tokens_decoder")
                    .asMap()
                    .forEach((id, token) -> TokenizerJson.content(token));
        }
    }

    /**
     * Returns the chat templates of {@code tokenizer_config.json} by name. The name of a single
     * template is "default".
     *
     * @return the Jinja sources by name, empty if there are none
     */
    public Map<String, String> chatTemplates() {
        Map<String, String> sources = new LinkedHashMap<>();
        JsonElement element = config.get("chat_template");
        String single = string(element);
        if (single != null) {
            sources.put("default", single);
        } else if (element instanceof JsonArray templates) {
            for (JsonElement template : templates) {
                if (template instanceof JsonObject named) {
                    String name = string(named.get("name"));
                    String source = string(named.get("template"));
                    if (name != null && source != null) {
                        sources.put(name, source);
                    }
                }
            }
        }
        return sources;
    }

    /** Returns a boolean of {@code tokenizer_config.json}; null if it is not set. */
    @Nullable Boolean flag(String key) {
        return (config.get(key) instanceof JsonPrimitive p && p.isBoolean())
                ? Boolean.valueOf(p.getAsBoolean())
                : null;
    }

    /**
     * Returns the text of a special token.
     *
     * @param role the role of the token, such as {@code bos_token}
     * @param fallback the result if the role is not set
     * @return the text; null if the role is explicitly null
     */
    public @Nullable String token(String role, @Nullable String fallback) {
        JsonElement element = config.has(role) ? config.get(role) : specialTokensMap.get(role);
        return element == null ? fallback : spelling(element);
    }

    private static @Nullable String spelling(JsonElement element) {
        return string(element instanceof JsonObject object ? object.get("content") : element);
    }

    private static @Nullable String string(@Nullable JsonElement element) {
        return element instanceof JsonPrimitive primitive && primitive.isString()
                ? primitive.getAsString()
                : null;
    }

    /**
     * Adds the tokens of these files that are missing in the {@code added_tokens} of a {@code
     * tokenizer.json}.
     *
     * @throws IllegalArgumentException if an id is not an integer
     */
    void addTokensTo(JsonObject tokenizer) {
        JsonArray tokens = tokenizer.getAsJsonArray("added_tokens");
        Set<String> known = new HashSet<>();
        tokens.forEach(token -> known.add(TokenizerJson.content(token)));
        if (config.get("added_tokens_decoder") instanceof JsonObject decoder) {
            for (Map.Entry<String, JsonElement> entry : decoder.entrySet()) {
                if (known.add(TokenizerJson.content(entry.getValue()))) {
                    JsonObject added = entry.getValue().deepCopy().getAsJsonObject();
                    added.addProperty("id", id(entry.getKey()));
                    tokens.add(added);
                }
            }
        }
        Set<String> special = new HashSet<>();
        specialTokensMap.entrySet().forEach(entry -> collect(entry.getValue(), special));
        for (Map.Entry<String, JsonElement> entry : addedTokens.entrySet()) {
            String text = entry.getKey();
            if (known.add(text)) {
                int id = TokenizerJson.id(entry.getValue(), text);
                tokens.add(SentencePieceConverter.addedToken(id, text, special.contains(text)));
            }
        }
    }

    private static int id(String key) {
        if (!key.matches("\\d{1,9}")) {
            throw new IllegalArgumentException(
                    "added_tokens_decoder has the key " + Quote.of(key) + ", which is not an id");
        }
        return Integer.parseInt(key);
    }

    private static void collect(JsonElement element, Set<String> spellings) {
        if (element.isJsonArray()) {
            element.getAsJsonArray().forEach(e -> collect(e, spellings));
        } else {
            String text = spelling(element);
            if (text != null) {
                spellings.add(text);
            }
        }
    }
}
