/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Validates a {@code tokenizer.json} before the native library reads it. The library reports most
 * errors itself, but some make it panic, and a Rust panic terminates the JVM: unknown special
 * tokens in a template, a subword prefix, a damaged character map, a regular expression with
 * catastrophic backtracking. Therefore only the components and expressions of published tokenizers
 * are accepted.
 *
 * <p>All methods throw {@link IllegalArgumentException} if the file is rejected.
 */
final class TokenizerJson {

    /** Limit for tokens and ids; Mistral Nemo has 131,072. */
    static final int MOST_TOKENS = 1 << 19;

    /** The library's cost of adding tokens is quadratic; Mistral Nemo has 1,000. */
    private static final int MOST_ADDED = 4096;

    /** Limit for the total length of all added tokens. */
    private static final int MOST_ADDED_CHARACTERS = 1 << 20;

    private static final String SEQUENCE = "Sequence";

    private static final Set<String> NORMALIZERS =
            Set.of(
                    "Prepend",
                    "Replace",
                    "NFC",
                    "NFD",
                    "NFKC",
                    "NFKD",
                    "Lowercase",
                    "Strip",
                    "StripAccents");
    private static final Set<String> PRE_TOKENIZERS =
            Set.of("Metaspace", "ByteLevel", "Split", "Digits", "Whitespace", "WhitespaceSplit");
    private static final Set<String> POST_PROCESSORS = Set.of("TemplateProcessing", "ByteLevel");
    private static final Set<String> DECODERS =
            Set.of("Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", "ByteLevel");

    /** The pre-tokenization expressions of GPT-2, Llama 3, Qwen 2 and Mistral Nemo. */
    private static final Set<String> EXPRESSIONS =
            Set.of(
                    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"
                            + "|\\s+(?!\\S)|\\s+",
                    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
                            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*"
                            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
                            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
                            + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+"
                            + "|\\s+(?!\\S)|\\s+");

    private TokenizerJson() {}

    /**
     * Returns the BPE model. Adds an empty array {@code added_tokens} to the root if it is missing.
     */
    static JsonObject model(JsonObject root) {
        if (!(root.get("model") instanceof JsonObject model)
                || !(model.get("vocab") instanceof JsonObject)
                || !(model.get("merges") instanceof JsonArray)) {
            throw new IllegalArgumentException(
                    "it has no BPE model with a vocabulary and merges: is it the tokenizer of a"
                            + " Mistral model?");
        }
        if (StrictJson.get(root, "added_tokens") == null) {
            root.add("added_tokens", new JsonArray());
        }
        for (JsonElement token : StrictJson.array(root.get("added_tokens"), "added_tokens")) {
            content(token);
        }
        return model;
    }

    /** Returns the text of an added token. */
    static String content(JsonElement token) {
        return StrictJson.string(
                StrictJson.object(token, "added_tokens").get("content"), "added_tokens.content");
    }

    /** Returns the id of a token. */
    static int id(@Nullable JsonElement id, String token) {
        return (int) StrictJson.integer(id, "the id of " + token, MOST_TOKENS - 1L);
    }

    /** Checks the whole file. */
    static void check(JsonObject root) {
        JsonObject model = model(root);
        checkVocabulary(model);
        checkAddedTokens(root.getAsJsonArray("added_tokens").asList());
        checkComponents(root.get("normalizer"), "normalizer", "normalizers", NORMALIZERS);
        checkComponents(
                root.get("pre_tokenizer"), "pre_tokenizer", "pretokenizers", PRE_TOKENIZERS);
        checkComponents(
                root.get("post_processor"), "post_processor", "processors", POST_PROCESSORS);
        checkComponents(root.get("decoder"), "decoder", "decoders", DECODERS);
        checkNumbers(root);
    }

    /** The library panics on a number beyond double precision, wherever it is in a component. */
    private static void checkNumbers(JsonElement element) {
        if (element instanceof JsonObject object) {
            object.asMap().values().forEach(TokenizerJson::checkNumbers);
        } else if (element instanceof JsonArray array) {
            array.forEach(TokenizerJson::checkNumbers);
        } else if (element instanceof JsonPrimitive primitive
                && primitive.isNumber()
                && !Double.isFinite(primitive.getAsDouble())) {
            throw new IllegalArgumentException(
                    "it has the number "
                            + StrictJson.describe(element)
                            + ", which is out of range");
        }
    }

    private static void checkVocabulary(JsonObject model) {
        JsonElement type = StrictJson.get(model, "type");
        if (type != null && !StrictJson.string(type, "model.type").equals("BPE")) {
            throw new IllegalArgumentException(
                    "its model is of type " + StrictJson.describe(type) + ", not BPE");
        }
        JsonElement prefix = StrictJson.get(model, "continuing_subword_prefix");
        if (prefix != null && !StrictJson.string(prefix, "continuing_subword_prefix").isEmpty()) {
            throw new IllegalArgumentException(
                    "its model has a continuing_subword_prefix, which is not supported");
        }
        JsonObject vocabulary = model.getAsJsonObject("vocab");
        if (vocabulary.size() > MOST_TOKENS) {
            throw new IllegalArgumentException(
                    "it has "
                            + vocabulary.size()
                            + " tokens, more than the limit of "
                            + MOST_TOKENS);
        }
        vocabulary.asMap().forEach((token, id) -> id(id, token));
        JsonElement unknown = StrictJson.get(model, "unk_token");
        if (unknown != null && !vocabulary.has(StrictJson.string(unknown, "unk_token"))) {
            throw new IllegalArgumentException(
                    "its unk_token " + StrictJson.describe(unknown) + " is not in the vocabulary");
        }
        for (JsonElement merge : model.getAsJsonArray("merges")) {
            if (merge instanceof JsonArray pair) {
                if (pair.size() != 2) {
                    throw new IllegalArgumentException(
                            "a merge has " + pair.size() + " parts instead of 2");
                }
                pair.forEach(part -> StrictJson.string(part, "merges"));
            } else if (StrictJson.string(merge, "merges").indexOf(' ') < 0) {
                throw new IllegalArgumentException(
                        "the merge " + StrictJson.describe(merge) + " is not a pair of tokens");
            }
        }
    }

    private static void checkAddedTokens(List<JsonElement> tokens) {
        if (tokens.size() > MOST_ADDED) {
            throw new IllegalArgumentException(
                    "it has "
                            + tokens.size()
                            + " added tokens, more than the limit of "
                            + MOST_ADDED);
        }
        Set<String> contents = new HashSet<>();
        int characters = 0;
        for (JsonElement token : tokens) {
            String content = content(token);
            id(token.getAsJsonObject().get("id"), content);
            if (!contents.add(content)) {
                throw new IllegalArgumentException(
                        "the added token " + Quote.of(content) + " is not unique");
            }
            if (!content.equals(SpecialTokens.clean(content))) {
                throw new IllegalArgumentException(
                        "the added token " + Quote.of(content) + " contains Unicode noncharacters");
            }
            characters += content.length();
            if (characters > MOST_ADDED_CHARACTERS) {
                throw new IllegalArgumentException(
                        "its added tokens have more than " + MOST_ADDED_CHARACTERS + " characters");
            }
        }
    }

    private static void checkComponents(
            @Nullable JsonElement element, String key, String parts, Set<String> supported) {
        if (element == null || element instanceof JsonNull) {
            return;
        }
        JsonObject component = StrictJson.object(element, key);
        String type = StrictJson.string(component.get("type"), key + ".type");
        if (type.equals(SEQUENCE)) {
            StrictJson.array(component.get(parts), key + "." + parts)
                    .forEach(part -> checkComponents(part, key, parts, supported));
            return;
        }
        if (!supported.contains(type)) {
            throw new IllegalArgumentException(
                    String.format(
                            "its %s has a component of type %s, which is not supported",
                            key, Quote.of(type)));
        }
        if (component.get("pattern") instanceof JsonObject pattern && pattern.has("Regex")) {
            checkExpression(StrictJson.string(pattern.get("Regex"), key + ".pattern"));
        }
        if (type.equals("TemplateProcessing")) {
            checkTemplate(component);
        }
    }

    private static void checkExpression(String expression) {
        if (!EXPRESSIONS.contains(expression)) {
            throw new IllegalArgumentException(
                    "it uses the regular expression "
                            + Quote.of(expression)
                            + ", which is not supported: expressions other than those of published"
                            + " tokenizers could terminate the process");
        }
    }

    private static void checkTemplate(JsonObject template) {
        JsonElement given = StrictJson.get(template, "special_tokens");
        JsonObject specials =
                given == null ? new JsonObject() : StrictJson.object(given, "special_tokens");
        specials.asMap()
                .forEach(
                        (name, value) -> {
                            JsonObject special = StrictJson.object(value, name);
                            List<JsonElement> ids = StrictJson.array(special.get("ids"), "ids");
                            ids.forEach(id -> id(id, name));
                            List<JsonElement> tokens =
                                    StrictJson.array(special.get("tokens"), "tokens");
                            if (tokens.size() != ids.size()) {
                                throw new IllegalArgumentException(
                                        String.format(
                                                Locale.ROOT,
                                                "its post_processor has %d ids and %d tokens for"
                                                        + " %s",
                                                ids.size(),
                                                tokens.size(),
                                                Quote.of(name)));
                            }
                        });
        checkPieces(template, "single", specials, Set.of("A"));
        checkPieces(template, "pair", specials, Set.of("A", "B"));
    }

    private static void checkPieces(
            JsonObject template, String key, JsonObject specials, Set<String> sequences) {
        for (JsonElement element : StrictJson.array(template.get(key), key)) {
            for (Map.Entry<String, JsonElement> piece :
                    StrictJson.object(element, key).entrySet()) {
                String id =
                        StrictJson.string(
                                StrictJson.object(piece.getValue(), key).get("id"), key + ".id");
                boolean known =
                        switch (piece.getKey()) {
                            case "SpecialToken" -> specials.has(id);
                            case SEQUENCE -> sequences.contains(id);
                            default -> false;
                        };
                if (!known) {
                    throw new IllegalArgumentException(
                            "its post_processor names "
                                    + Quote.of(id)
                                    + ", which it does not define");
                }
            }
        }
    }
}
