/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.MistralConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Generation options, with the names and defaults of the reference's {@code GenerationConfig};
 * except that {@code max_new_tokens} is 256 instead of 20 tokens in all.
 *
 * @param maxNewTokens maximum number of generated tokens; at least 1
 * @param minNewTokens minimum number of generated tokens before an end-of-sequence token
 * @param doSample sampling instead of greedy decoding; turned on by temperature, top-k, top-p and
 *     min-p
 * @param temperature divides the logits when sampling; above 0
 * @param topK number of most likely tokens to sample from; 0 for all
 * @param topP cumulative probability of the tokens to sample from; in (0, 1]
 * @param minP minimum probability of a token, relative to the most likely one; in [0, 1]
 * @param repetitionPenalty divides the scores of earlier tokens; above 0, 1 for none
 * @param seed seed of sampling; null for a random one
 * @param eosTokenIds end-of-sequence tokens, at most 1,024
 * @param stopStrings strings that finish a sequence, at most 256 of up to 1,024 characters
 * @param padTokenId padding token of shorter prompts in a batch; null for an end-of-sequence token,
 *     or 0
 * @param prefillChunkSize tokens of a prompt in one forward pass, which bounds the memory
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

    // each token is compared with all of them
    private static final int MAX_END_TOKENS = 1024;
    private static final int MAX_STOP_STRINGS = 256;
    private static final int MAX_STOP_STRING_LENGTH = 1024;

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
                "a number above 0; for greedy decoding set do_sample to false");
        require(topK >= 0, "top_k", topK, "at least 1, or 0 for no limit");
        require(topP > 0 && topP <= 1, "top_p", topP, "above 0 and at most 1");
        require(minP >= 0 && minP <= 1, "min_p", minP, "between 0 and 1");
        require(
                repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
                "repetition_penalty",
                repetitionPenalty,
                "a number above 0");
        require(prefillChunkSize >= 1, "prefill_chunk_size", prefillChunkSize, "at least 1");
        require(
                eosTokenIds.size() <= MAX_END_TOKENS,
                "eos_token_id",
                "a list of " + eosTokenIds.size(),
                "at most " + MAX_END_TOKENS + " tokens");
        require(
                stopStrings.size() <= MAX_STOP_STRINGS,
                "stop_strings",
                "a list of " + stopStrings.size(),
                "at most " + MAX_STOP_STRINGS + " strings");
        for (String text : stopStrings) {
            require(
                    !text.isEmpty() && text.length() <= MAX_STOP_STRING_LENGTH,
                    "stop_strings",
                    "a list with a string of " + text.length() + " characters",
                    "strings of 1 to " + MAX_STOP_STRING_LENGTH + " characters");
        }
    }

    private static void require(boolean condition, String option, Object value, String range) {
        if (!condition) {
            throw new IllegalArgumentException(option + " is " + value + ", must be " + range);
        }
    }

    /** Returns a builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Reads the options of a checkpoint: the end-of-sequence tokens of its configuration, and
     * {@code generation_config.json}, or, without that file, the generation keys of {@code
     * config.json}. Logs a warning that names unsupported keys.
     *
     * @param directory the checkpoint
     * @param model its configuration
     * @return a builder with these options
     * @throws IOException if the file is there and cannot be read, or a value is out of its range
     */
    public static Builder read(Path directory, MistralConfig model) throws IOException {
        Builder builder = new Builder().eosTokenIds(model.eosTokenIds());
        Integer pad = model.padTokenId();
        if (pad != null) {
            builder.padTokenId(pad);
        }
        GenerationConfigFile.read(directory, builder);
        return builder;
    }

    /** Whether this class has the option, in the reference's spelling. */
    static boolean isOption(String name) {
        return Builder.OPTIONS.containsKey(name);
    }

    /** Truncates input for messages. */
    static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }

    /** Builder; options that are not set have their defaults. */
    public static final class Builder {

        /** The type of each option. */
        private static final Map<String, OptionType> OPTIONS = options();

        /** Options that have an effect only when sampling; setting one turns sampling on. */
        private static final Set<String> SHAPING = Set.of("temperature", "top_k", "top_p", "min_p");

        private final Map<String, Object> values = new LinkedHashMap<>();
        private boolean shaped;

        private Builder() {}

        private static Map<String, OptionType> options() {
            Map<String, OptionType> options = new LinkedHashMap<>();
            options.put("max_new_tokens", OptionType.INTEGER);
            options.put("min_new_tokens", OptionType.INTEGER);
            options.put("do_sample", OptionType.BOOLEAN);
            options.put("temperature", OptionType.NUMBER);
            options.put("top_k", OptionType.INTEGER);
            options.put("top_p", OptionType.NUMBER);
            options.put("min_p", OptionType.NUMBER);
            options.put("repetition_penalty", OptionType.NUMBER);
            options.put("seed", OptionType.LONG);
            options.put("eos_token_id", OptionType.INTEGERS);
            options.put("stop_strings", OptionType.STRINGS);
            options.put("pad_token_id", OptionType.INTEGER);
            options.put("prefill_chunk_size", OptionType.INTEGER);
            return options;
        }

        /** Returns the names of all options, in snake case. */
        public static List<String> optionNames() {
            return List.copyOf(OPTIONS.keySet());
        }

        /**
         * Converts a name to snake case, the spelling of the reference.
         *
         * @param name {@code maxNewTokens} or {@code max_new_tokens}
         * @return {@code max_new_tokens}
         */
        public static String referenceName(String name) {
            return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        }

        /**
         * Sets an option by name.
         *
         * @param name {@code max_new_tokens} or {@code maxNewTokens}
         * @param value a number, boolean, string or list; numbers and booleans may be strings
         * @return this
         * @throws IllegalArgumentException if there is no such option or the value is of another
         *     type
         */
        public Builder option(String name, Object value) {
            String key = referenceName(name);
            OptionType type = OPTIONS.get(key);
            if (type == null) {
                throw new IllegalArgumentException(
                        "unknown generation option \""
                                + shortened(name)
                                + "\"; known are "
                                + OPTIONS.keySet());
            }
            values.put(key, type.parse(key, value));
            shaped |= SHAPING.contains(key);
            return this;
        }

        /**
         * Sets the options of a checkpoint. Its temperature does not turn sampling on: it has an
         * effect once a user does.
         */
        void recommend(Map<String, Object> options) {
            options.forEach(this::option);
            shaped = Boolean.TRUE.equals(values.remove("do_sample"));
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
         * Copies the builder.
         *
         * @return an independent builder with the same options
         */
        public Builder copy() {
            Builder copy = new Builder();
            copy.values.putAll(values);
            copy.shaped = shaped;
            return copy;
        }

        /**
         * Builds the configuration.
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
