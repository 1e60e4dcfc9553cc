/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.MistralConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How a text is generated; the options of the reference's {@code GenerationConfig} under its names.
 * Defaults are the reference's, but for {@code max_new_tokens}, whose 20 tokens in all end most
 * answers in the middle.
 *
 * @param maxNewTokens how many tokens are generated at most; at least 1
 * @param minNewTokens how many at least, before an end token is allowed
 * @param doSample whether tokens are drawn; otherwise each is the likeliest. Any of the four
 *     options that shape the distribution turns it on
 * @param temperature divides the scores when sampling; above 0
 * @param topK how many of the likeliest tokens may be drawn; 0 for all
 * @param topP how much probability the tokens that may be drawn have together; in (0, 1]
 * @param minP how likely a token must be, as a part of the likeliest's probability; in [0, 1]
 * @param repetitionPenalty divides the scores of tokens that were there before; above 0, 1 for none
 * @param seed where the random numbers of sampling start; null for a new place every time
 * @param eosTokenIds the tokens that end a row, maybe none
 * @param stopStrings texts that end a row, maybe none
 * @param padTokenId what fills up shorter rows of a batch; null for an end token, or 0
 * @param prefillChunkSize how many tokens of a prompt are computed at once, which bounds the memory
 */
public record GenerationConfig(
        int maxNewTokens,
        int minNewTokens,
        boolean doSample,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        @Nullable Long seed,
        List<Integer> eosTokenIds,
        List<String> stopStrings,
        @Nullable Integer padTokenId,
        int prefillChunkSize) {

    /** Checks the ranges. */
    public GenerationConfig {
        eosTokenIds = List.copyOf(eosTokenIds);
        stopStrings = List.copyOf(stopStrings);
        require(maxNewTokens >= 1, "max_new_tokens", maxNewTokens, "at least 1");
        require(
                minNewTokens >= 0 && minNewTokens <= maxNewTokens,
                "min_new_tokens",
                minNewTokens,
                "between 0 and max_new_tokens, " + maxNewTokens);
        require(
                !doSample || (temperature > 0 && Double.isFinite(temperature)),
                "temperature",
                temperature,
                "a number above 0; for the likeliest token each time set do_sample to false");
        require(topK >= 0, "top_k", topK, "at least 1, or 0 for no limit");
        require(topP > 0 && topP <= 1, "top_p", topP, "above 0 and at most 1");
        require(minP >= 0 && minP <= 1, "min_p", minP, "between 0 and 1");
        require(
                repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
                "repetition_penalty",
                repetitionPenalty,
                "a number above 0");
        require(prefillChunkSize >= 1, "prefill_chunk_size", prefillChunkSize, "at least 1");
        require(!stopStrings.contains(""), "stop_strings", stopStrings, "texts that are not empty");
    }

    private static void require(boolean condition, String option, Object value, String range) {
        if (!condition) {
            throw new IllegalArgumentException(option + " is " + value + ", must be " + range);
        }
    }

    /** Returns a builder that starts from the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Reads what a checkpoint recommends: its {@code generation_config.json} where there is one,
     * and the end tokens of its configuration. Keys of that file that this class does not have are
     * the reference's own bookkeeping, and left out.
     *
     * @param directory the checkpoint
     * @param model its configuration
     * @return a builder that starts from there
     * @throws IOException if the file is there and cannot be read
     */
    public static Builder read(Path directory, MistralConfig model) throws IOException {
        Builder builder = new Builder().eosTokenIds(model.eosTokenIds());
        Integer pad = model.padTokenId();
        if (pad != null) {
            builder.padTokenId(pad);
        }
        Path file = directory.resolve("generation_config.json");
        if (Files.isRegularFile(file)) {
            try {
                JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
                for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
                    JsonElement value = entry.getValue();
                    if (Builder.OPTIONS.containsKey(entry.getKey()) && !value.isJsonNull()) {
                        builder.option(entry.getKey(), plain(value));
                    }
                }
                // a file may recommend a temperature and leave sampling off: it waits for a user
                // who turns it on
                builder.shaped = Boolean.TRUE.equals(builder.values.remove("do_sample"));
                builder.build();
            } catch (JsonParseException
                    | IllegalStateException
                    | IllegalArgumentException
                    | UnsupportedOperationException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            }
        }
        return builder;
    }

    private static Object plain(JsonElement element) {
        if (element.isJsonArray()) {
            List<Object> list = new ArrayList<>();
            element.getAsJsonArray().forEach(e -> list.add(plain(e)));
            return list;
        }
        return element.getAsString();
    }

    /** Collects the options; what is not set keeps its default. */
    public static final class Builder {

        /** How the value of each option is read, in the order users see them. */
        private static final Map<String, Function<Object, Object>> OPTIONS = options();

        /** Options that mean nothing but when sampling, so that setting one turns it on. */
        private static final Set<String> SHAPING = Set.of("temperature", "top_k", "top_p", "min_p");

        private final Map<String, Object> values = new LinkedHashMap<>();
        private boolean shaped;

        private Builder() {}

        private static Map<String, Function<Object, Object>> options() {
            Map<String, Function<Object, Object>> options = new LinkedHashMap<>();
            options.put("max_new_tokens", Builder::integer);
            options.put("min_new_tokens", Builder::integer);
            options.put("do_sample", Builder::bool);
            options.put("temperature", Builder::number);
            options.put("top_k", Builder::integer);
            options.put("top_p", Builder::number);
            options.put("min_p", Builder::number);
            options.put("repetition_penalty", Builder::number);
            options.put("seed", value -> Long.parseLong(whole(value)));
            options.put("eos_token_id", value -> list(value, Builder::integer));
            options.put("stop_strings", value -> list(value, Object::toString));
            options.put("pad_token_id", Builder::integer);
            options.put("prefill_chunk_size", Builder::integer);
            return options;
        }

        /** Returns the names that {@link #option} knows, in the reference's spelling. */
        public static List<String> optionNames() {
            return List.copyOf(OPTIONS.keySet());
        }

        /**
         * Spells a name as the reference does.
         *
         * @param name in Java's spelling ({@code maxNewTokens}) or the reference's
         * @return in the reference's ({@code max_new_tokens})
         */
        public static String referenceName(String name) {
            return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        }

        /**
         * Sets an option by name.
         *
         * @param name the reference's ({@code max_new_tokens}) or Java's ({@code maxNewTokens})
         * @param value a number, boolean or list, or its text
         * @return this
         * @throws IllegalArgumentException if there is no such option or the value is of another
         *     kind
         */
        public Builder option(String name, Object value) {
            String key = referenceName(name);
            Function<Object, Object> reader = OPTIONS.get(key);
            if (reader == null) {
                throw new IllegalArgumentException(
                        "unknown generation option \""
                                + name
                                + "\"; known are "
                                + OPTIONS.keySet());
            }
            try {
                values.put(key, reader.apply(value));
                shaped |= SHAPING.contains(key);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        "option " + key + " is \"" + value + "\", no value of the right kind", e);
            }
            return this;
        }

        private static double number(Object value) {
            return Double.parseDouble(text(value));
        }

        private static int integer(Object value) {
            return Integer.parseInt(whole(value));
        }

        /** JSON readers give 5.0 for 5. */
        private static String whole(Object value) {
            String text = text(value);
            return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
        }

        private static String text(Object value) {
            return value.toString().trim();
        }

        private static boolean bool(Object value) {
            return switch (text(value)) {
                case "true" -> true;
                case "false" -> false;
                default -> throw new NumberFormatException("neither true nor false");
            };
        }

        private static <T> List<T> list(Object value, Function<Object, T> element) {
            return value instanceof List<?> list
                    ? list.stream().map(element).toList()
                    : List.of(element.apply(value));
        }

        /** Sets {@code max_new_tokens}. */
        public Builder maxNewTokens(int value) {
            return option("max_new_tokens", value);
        }

        /** Sets {@code min_new_tokens}. */
        public Builder minNewTokens(int value) {
            return option("min_new_tokens", value);
        }

        /** Sets {@code do_sample}. */
        public Builder doSample(boolean value) {
            return option("do_sample", value);
        }

        /** Sets {@code temperature}. */
        public Builder temperature(double value) {
            return option("temperature", value);
        }

        /** Sets {@code top_k}. */
        public Builder topK(int value) {
            return option("top_k", value);
        }

        /** Sets {@code top_p}. */
        public Builder topP(double value) {
            return option("top_p", value);
        }

        /** Sets {@code min_p}. */
        public Builder minP(double value) {
            return option("min_p", value);
        }

        /** Sets {@code repetition_penalty}. */
        public Builder repetitionPenalty(double value) {
            return option("repetition_penalty", value);
        }

        /** Sets {@code seed}. */
        public Builder seed(long value) {
            return option("seed", value);
        }

        /** Sets {@code eos_token_id}. */
        public Builder eosTokenIds(List<Integer> value) {
            return option("eos_token_id", value);
        }

        /** Sets {@code stop_strings}. */
        public Builder stopStrings(List<String> value) {
            return option("stop_strings", value);
        }

        /** Sets {@code pad_token_id}. */
        public Builder padTokenId(int value) {
            return option("pad_token_id", value);
        }

        /** Sets {@code prefill_chunk_size}. */
        public Builder prefillChunkSize(int value) {
            return option("prefill_chunk_size", value);
        }

        /**
         * Copies the builder, so that one request's options do not change the next one's.
         *
         * @return a builder with the same options
         */
        public Builder copy() {
            Builder copy = new Builder();
            copy.values.putAll(values);
            copy.shaped = shaped;
            return copy;
        }

        /**
         * Makes the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if a value is out of its range, naming the option
         */
        public GenerationConfig build() {
            return new GenerationConfig(
                    get("max_new_tokens", 256),
                    get("min_new_tokens", 0),
                    get("do_sample", shaped),
                    get("temperature", 1.0),
                    get("top_k", 50),
                    get("top_p", 1.0),
                    get("min_p", 0.0),
                    get("repetition_penalty", 1.0),
                    (Long) values.get("seed"),
                    get("eos_token_id", List.of()),
                    get("stop_strings", List.of()),
                    (Integer) values.get("pad_token_id"),
                    get("prefill_chunk_size", 512));
        }

        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // the reader's type
        private <T> T get(String option, T otherwise) {
            return (T) values.getOrDefault(option, otherwise);
        }
    }
}
