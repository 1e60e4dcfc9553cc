/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the files beside {@code tokenizer.json} or {@code tokenizer.model} say: {@code
 * tokenizer_config.json}, {@code special_tokens_map.json} and {@code added_tokens.json}, each of
 * which may be missing. A GGUF file says it all by itself.
 */
public final class TokenizerSettings {

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
        return Files.exists(file) ? read(file) : new JsonObject();
    }

    /**
     * Reads a JSON object.
     *
     * @throws IOException naming the file, if it cannot be read or holds something else
     */
    static JsonObject read(Path file) throws IOException {
        String text = Files.readString(file);
        try {
            if (JsonParser.parseString(text) instanceof JsonObject object) {
                return object;
            }
        } catch (JsonParseException e) {
            throw new IOException(
                    file + " is not valid JSON, download it again: " + e.getMessage(), e);
        }
        if (text.startsWith("version https://git-lfs")) {
            throw new IOException(file + " is a Git LFS pointer: run 'git lfs pull'");
        }
        throw new IOException(file + " does not hold a JSON object: download it again");
    }

    /**
     * Returns the chat template of {@code tokenizer_config.json}; of several the one named
     * "default".
     *
     * @return the Jinja source, null if there is none
     */
    public @Nullable String chatTemplate() {
        JsonElement element = config.get("chat_template");
        if (element instanceof JsonArray templates) {
            for (JsonElement template : templates) {
                if (template instanceof JsonObject named
                        && "default".equals(string(named.get("name")))) {
                    return string(named.get("template"));
                }
            }
            return null;
        }
        return string(element);
    }

    /** Whether a key of {@code tokenizer_config.json} is true; null if it says nothing. */
    @Nullable Boolean flag(String key) {
        return (config.get(key) instanceof JsonPrimitive p && p.isBoolean())
                ? Boolean.valueOf(p.getAsBoolean())
                : null;
    }

    /**
     * Returns the spelling of a token with a role.
     *
     * @param role the role, such as {@code bos_token}
     * @param fallback what to return if the files say nothing
     * @return the spelling; null if the files say that there is none
     */
    public @Nullable String token(String role, @Nullable String fallback) {
        JsonElement element = config.has(role) ? config.get(role) : specialTokensMap.get(role);
        return element == null ? fallback : spelling(element);
    }

    private static @Nullable String spelling(JsonElement element) {
        return string(element instanceof JsonObject object ? object.get("content") : element);
    }

    private static @Nullable String string(@Nullable JsonElement element) {
        return element instanceof JsonPrimitive primitive ? primitive.getAsString() : null;
    }

    /**
     * Adds the tokens that only these files name to the {@code added_tokens} of a {@code
     * tokenizer.json}.
     *
     * @throws IOException if an id is no number
     */
    void addTokensTo(JsonObject tokenizer) throws IOException {
        Set<String> known = new HashSet<>();
        for (JsonElement token : tokenizer.getAsJsonArray("added_tokens")) {
            known.add(token.getAsJsonObject().get("content").getAsString());
        }
        if (config.get("added_tokens_decoder") instanceof JsonObject decoder) {
            for (Map.Entry<String, JsonElement> entry : decoder.entrySet()) {
                String text = spelling(entry.getValue());
                if (text != null
                        && entry.getValue() instanceof JsonObject token
                        && known.add(text)) {
                    JsonObject added = token.deepCopy();
                    added.addProperty("id", id(entry.getKey()));
                    tokenizer.getAsJsonArray("added_tokens").add(added);
                }
            }
        }
        Set<String> special = new HashSet<>();
        specialTokensMap.entrySet().forEach(entry -> collect(entry.getValue(), special));
        for (Map.Entry<String, JsonElement> entry : addedTokens.entrySet()) {
            if (known.add(entry.getKey())) {
                tokenizer
                        .getAsJsonArray("added_tokens")
                        .add(
                                SentencePieceConverter.addedToken(
                                        id(entry.getValue().getAsString()),
                                        entry.getKey(),
                                        special.contains(entry.getKey())));
            }
        }
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

    private static int id(String text) throws IOException {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IOException("an added token has the id '" + text + "', not a number", e);
        }
    }
}
