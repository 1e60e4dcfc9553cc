/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The tokens of a {@code tokenizer.json} by id, including added tokens. Immutable. */
final class Vocabulary {

    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

    private final Map<String, Integer> ids = new HashMap<>();
    private final String[] tokens;
    private final BitSet specialIds = new BitSet();
    private final BitSet byteIds = new BitSet();
    private final boolean byteFallback;

    /**
     * Reads the vocabulary.
     *
     * @param root the root object of the file, as {@link TokenizerJson#check} accepts it
     */
    Vocabulary(JsonObject root) {
        JsonObject model = TokenizerJson.model(root);
        int size = 0;
        for (Map.Entry<String, JsonElement> entry : model.getAsJsonObject("vocab").entrySet()) {
            int id = TokenizerJson.id(entry.getValue(), entry.getKey());
            ids.put(entry.getKey(), id);
            size = Math.max(size, id + 1);
        }
        for (JsonElement element : root.getAsJsonArray("added_tokens")) {
            JsonObject token = element.getAsJsonObject();
            String content = TokenizerJson.content(token);
            int id = TokenizerJson.id(token.get("id"), content);
            ids.put(content, id);
            size = Math.max(size, id + 1);
            specialIds.set(id, isTrue(token, "special"));
        }
        byteFallback = isTrue(model, "byte_fallback");
        tokens = new String[size];
        Arrays.fill(tokens, "");
        ids.forEach(
                (token, id) -> {
                    tokens[id] = token;
                    if (byteFallback && BYTE.matcher(token).matches() && !specialIds.get(id)) {
                        byteIds.set(id);
                    }
                });
    }

    private static boolean isTrue(JsonObject object, String key) {
        return object.get(key) instanceof JsonPrimitive flag && flag.getAsBoolean();
    }

    /** Returns one more than the highest id. */
    int size() {
        return tokens.length;
    }

    boolean contains(String token) {
        return ids.containsKey(token);
    }

    /** Returns the id of a token, -1 if it is null or unknown. */
    long id(@Nullable String token) {
        return token == null ? -1 : ids.getOrDefault(token, -1);
    }

    /**
     * Returns the token of an id.
     *
     * @throws IllegalArgumentException if the id is not in the vocabulary
     */
    String token(long id) {
        check(id);
        return tokens[(int) id];
    }

    /**
     * Checks an id.
     *
     * @throws IllegalArgumentException if it is not in the vocabulary
     */
    void check(long id) {
        if (id < 0 || id >= tokens.length) {
            throw new IllegalArgumentException(
                    "id " + id + " is not in the vocabulary of " + tokens.length + " tokens");
        }
    }

    boolean isSpecial(long id) {
        return specialIds.get((int) id);
    }

    /** Returns whether a token is a single byte of UTF-8, such as {@code <0x0A>}. */
    boolean isByte(long id) {
        return byteIds.get((int) id);
    }

    /** Returns whether characters without a token are encoded as bytes of UTF-8. */
    boolean hasByteFallback() {
        return byteFallback;
    }
}
