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
import java.util.function.BiConsumer;
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
                temperature > 0 && Double.isFinite(temperature),
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
        builder.padTokenId = model.padTokenId();
        Path file = directory.resolve("generation_config.json");
        if (Files.isRegularFile(file)) {
            try {
                JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
                for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
                    if (Builder.OPTIONS.containsKey(entry.getKey())
                            && !entry.getValue().isJsonNull()) {
                        builder.option(entry.getKey(), plain(entry.getValue()));
                    }
                }
                builder.build();
            } catch (JsonParseException | IllegalStateException | IllegalArgumentException e) {
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

    /** Collects the options. */
    public static final class Builder {

        private static final Map<String, BiConsumer<Builder, Object>> OPTIONS = options();

        private int maxNewTokens = 256;
        private int minNewTokens;
        private @Nullable Boolean doSample;
        private @Nullable Double temperature;
        private @Nullable Integer topK;
        private @Nullable Double topP;
        private @Nullable Double minP;
        private double repetitionPenalty = 1;
        private @Nullable Long seed;
        private List<Integer> eosTokenIds = List.of();
        private List<String> stopStrings = List.of();
        private @Nullable Integer padTokenId;
        private int prefillChunkSize = 512;

        private Builder() {}

        private static Map<String, BiConsumer<Builder, Object>> options() {
            Map<String, BiConsumer<Builder, Object>> options = new LinkedHashMap<>();
            options.put("max_new_tokens", (b, v) -> b.maxNewTokens(integer(v)));
            options.put("min_new_tokens", (b, v) -> b.minNewTokens(integer(v)));
            options.put("do_sample", (b, v) -> b.doSample(bool(v)));
            options.put("temperature", (b, v) -> b.temperature(number(v)));
            options.put("top_k", (b, v) -> b.topK(integer(v)));
            options.put("top_p", (b, v) -> b.topP(number(v)));
            options.put("min_p", (b, v) -> b.minP(number(v)));
            options.put("repetition_penalty", (b, v) -> b.repetitionPenalty(number(v)));
            options.put("seed", (b, v) -> b.seed(Long.parseLong(whole(v))));
            options.put("eos_token_id", (b, v) -> b.eosTokenIds(integers(v)));
            options.put("stop_strings", (b, v) -> b.stopStrings(strings(v)));
            options.put("pad_token_id", (b, v) -> b.padTokenId(integer(v)));
            options.put("prefill_chunk_size", (b, v) -> b.prefillChunkSize(integer(v)));
            return options;
        }

        /** Returns the names that {@link #option} knows, in the reference's spelling. */
        public static List<String> optionNames() {
            return List.copyOf(OPTIONS.keySet());
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
            String key = name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
            BiConsumer<Builder, Object> option = OPTIONS.get(key);
            if (option == null) {
                throw new IllegalArgumentException(
                        "unknown generation option \""
                                + name
                                + "\"; known are "
                                + OPTIONS.keySet());
            }
            try {
                option.accept(this, value);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        "option " + key + " is \"" + value + "\", no number of the right kind", e);
            }
            return this;
        }

        private static double number(Object value) {
            return value instanceof Number n ? n.doubleValue() : Double.parseDouble(text(value));
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

        private static List<Integer> integers(Object value) {
            return value instanceof List<?> list
                    ? list.stream().map(Builder::integer).toList()
                    : List.of(integer(value));
        }

        private static List<String> strings(Object value) {
            return value instanceof List<?> list
                    ? list.stream().map(Object::toString).toList()
                    : List.of(value.toString());
        }

        /** Sets {@code max_new_tokens}. */
        public Builder maxNewTokens(int value) {
            maxNewTokens = value;
            return this;
        }

        /** Sets {@code min_new_tokens}. */
        public Builder minNewTokens(int value) {
            minNewTokens = value;
            return this;
        }

        /** Sets {@code do_sample}. */
        public Builder doSample(boolean value) {
            doSample = value;
            return this;
        }

        /** Sets {@code temperature}. */
        public Builder temperature(double value) {
            temperature = value;
            return this;
        }

        /** Sets {@code top_k}. */
        public Builder topK(int value) {
            topK = value;
            return this;
        }

        /** Sets {@code top_p}. */
        public Builder topP(double value) {
            topP = value;
            return this;
        }

        /** Sets {@code min_p}. */
        public Builder minP(double value) {
            minP = value;
            return this;
        }

        /** Sets {@code repetition_penalty}. */
        public Builder repetitionPenalty(double value) {
            repetitionPenalty = value;
            return this;
        }

        /** Sets where random numbers start: the same seed gives the same text. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Sets {@code eos_token_id}. */
        public Builder eosTokenIds(List<Integer> value) {
            eosTokenIds = value;
            return this;
        }

        /** Sets {@code stop_strings}. */
        public Builder stopStrings(List<String> value) {
            stopStrings = value;
            return this;
        }

        /** Sets {@code pad_token_id}. */
        public Builder padTokenId(int value) {
            padTokenId = value;
            return this;
        }

        /** Sets {@code prefill_chunk_size}. */
        public Builder prefillChunkSize(int value) {
            prefillChunkSize = value;
            return this;
        }

        /**
         * Copies the builder, so that one request's options do not change the next one's.
         *
         * @return a builder with the same options
         */
        public Builder copy() {
            Builder copy = new Builder();
            copy.maxNewTokens = maxNewTokens;
            copy.minNewTokens = minNewTokens;
            copy.doSample = doSample;
            copy.temperature = temperature;
            copy.topK = topK;
            copy.topP = topP;
            copy.minP = minP;
            copy.repetitionPenalty = repetitionPenalty;
            copy.seed = seed;
            copy.eosTokenIds = eosTokenIds;
            copy.stopStrings = stopStrings;
            copy.padTokenId = padTokenId;
            copy.prefillChunkSize = prefillChunkSize;
            return copy;
        }

        /**
         * Makes the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if a value is out of its range, naming the option
         */
        public GenerationConfig build() {
            boolean shaped = temperature != null || topK != null || topP != null || minP != null;
            return new GenerationConfig(
                    maxNewTokens,
                    minNewTokens,
                    doSample == null ? shaped : doSample,
                    temperature == null ? 1 : temperature,
                    topK == null ? 50 : topK,
                    topP == null ? 1 : topP,
                    minP == null ? 0 : minP,
                    repetitionPenalty,
                    seed,
                    eosTokenIds,
                    stopStrings,
                    padTokenId,
                    prefillChunkSize);
        }
    }
}
