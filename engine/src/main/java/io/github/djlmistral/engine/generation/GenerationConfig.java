/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.MistralConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Generation options, with the names and defaults of the reference's {@code GenerationConfig};
 * except that {@code max_new_tokens} is 256 instead of 20 tokens in all. Options that the reference
 * lacks have the names of OpenAI's API or of llama.cpp. Immutable.
 *
 * <pre>{@code
 * GenerationConfig config = GenerationConfig.builder()
 *         .topP(0.9)
 *         .set(PenaltyOptions.FREQUENCY_PENALTY, 0.5)
 *         .build();
 * double penalty = config.get(PenaltyOptions.FREQUENCY_PENALTY);
 * }</pre>
 */
public final class GenerationConfig {

    private static final List<OptionGroup> GROUPS =
            List.of(
                    StoppingOptions.GROUP,
                    SamplingOptions.GROUP,
                    PenaltyOptions.GROUP,
                    ConstraintOptions.GROUP,
                    BeamOptions.GROUP,
                    SpeculationOptions.GROUP,
                    OutputOptions.GROUP);

    private static final Map<String, GenerationOption<?>> OPTIONS = byName();

    /** The options that are set, and {@code do_sample}. */
    private final Map<GenerationOption<?>, Object> values;

    private GenerationConfig(Map<GenerationOption<?>, Object> values) {
        this.values = values;
    }

    private static Map<String, GenerationOption<?>> byName() {
        Map<String, GenerationOption<?>> options = new LinkedHashMap<>();
        for (OptionGroup group : GROUPS) {
            group.options().forEach(option -> options.put(option.name(), option));
        }
        return Collections.unmodifiableMap(options);
    }

    /** Returns all options, in groups. */
    public static List<OptionGroup> options() {
        return GROUPS;
    }

    /** Returns a builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Reads the options of a checkpoint: the end-of-sequence tokens of its configuration, and
     * {@code generation_config.json}, or, without that file, the generation keys of {@code
     * config.json}. Logs a warning that names unknown keys.
     *
     * @param directory the checkpoint
     * @param model its configuration
     * @return a builder with these options
     * @throws IOException if the file is there and cannot be read, a value is out of its range, or
     *     it selects a generation mode that is not supported
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
        return OPTIONS.containsKey(name);
    }

    /** Truncates input for messages. */
    static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }

    /**
     * Returns the value of an option.
     *
     * @param <T> its type
     * @param option the option
     * @return its value, or its default if it is not set
     */
    @SuppressWarnings("unchecked") // the builder has checked the types
    public <T extends @Nullable Object> T get(GenerationOption<T> option) {
        Object value = values.get(option);
        return value == null ? option.defaultValue() : (T) value;
    }

    /** Returns {@link StoppingOptions#MAX_NEW_TOKENS}. */
    public int maxNewTokens() {
        return get(StoppingOptions.MAX_NEW_TOKENS);
    }

    /** Returns {@link StoppingOptions#MIN_NEW_TOKENS}. */
    public int minNewTokens() {
        return get(StoppingOptions.MIN_NEW_TOKENS);
    }

    /** Returns {@link StoppingOptions#EOS_TOKEN_ID}. */
    public List<Integer> eosTokenIds() {
        return get(StoppingOptions.EOS_TOKEN_ID);
    }

    /** Returns {@link StoppingOptions#STOP_STRINGS}. */
    public List<String> stopStrings() {
        return get(StoppingOptions.STOP_STRINGS);
    }

    /** Returns {@link SamplingOptions#DO_SAMPLE}. */
    public boolean doSample() {
        return get(SamplingOptions.DO_SAMPLE);
    }

    /** Returns {@link SamplingOptions#SEED}. */
    public @Nullable Long seed() {
        return get(SamplingOptions.SEED);
    }

    /** Returns {@link SamplingOptions#TEMPERATURE}. */
    public double temperature() {
        return get(SamplingOptions.TEMPERATURE);
    }

    /** Returns {@link SamplingOptions#TOP_K}. */
    public int topK() {
        return get(SamplingOptions.TOP_K);
    }

    /** Returns {@link SamplingOptions#TOP_P}. */
    public double topP() {
        return get(SamplingOptions.TOP_P);
    }

    /** Returns {@link SamplingOptions#MIN_P}. */
    public double minP() {
        return get(SamplingOptions.MIN_P);
    }

    /** Returns {@link PenaltyOptions#REPETITION_PENALTY}. */
    public double repetitionPenalty() {
        return get(PenaltyOptions.REPETITION_PENALTY);
    }

    /** Returns {@link OutputOptions#PAD_TOKEN_ID}. */
    public @Nullable Integer padTokenId() {
        return get(OutputOptions.PAD_TOKEN_ID);
    }

    /** Returns {@link OutputOptions#PREFILL_CHUNK_SIZE}. */
    public int prefillChunkSize() {
        return get(OutputOptions.PREFILL_CHUNK_SIZE);
    }

    /** Equal if all options have the same values, whether set or by default. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof GenerationConfig config
                && OPTIONS.values().stream()
                        .allMatch(option -> Objects.equals(get(option), config.get(option)));
    }

    @Override
    public int hashCode() {
        return OPTIONS.values().stream().mapToInt(option -> Objects.hashCode(get(option))).sum();
    }

    /** Returns the options that are set. */
    @Override
    public String toString() {
        return values.toString();
    }

    /** Builder; options that are not set have their defaults. */
    public static final class Builder {

        private final Map<GenerationOption<?>, Object> values = new LinkedHashMap<>();

        /** Whether an option that has an effect only when sampling was set. */
        private boolean shaped;

        private Builder() {}

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
         * @param value a number, boolean, string, list or map; numbers, booleans and lists may be
         *     strings
         * @return this
         * @throws IllegalArgumentException if there is no such option or the value is of another
         *     type
         */
        public Builder option(String name, Object value) {
            GenerationOption<?> option = OPTIONS.get(referenceName(name));
            if (option == null) {
                throw new IllegalArgumentException(
                        "unknown generation option \""
                                + shortened(name)
                                + "\"; known are "
                                + OPTIONS.keySet());
            }
            values.put(option, option.parse(value));
            shaped |= SamplingOptions.SHAPING.contains(option);
            return this;
        }

        /**
         * Sets an option.
         *
         * @param <T> its type
         * @param option the option
         * @param value its value; null to unset it
         * @return this
         */
        public <T extends @Nullable Object> Builder set(GenerationOption<T> option, T value) {
            if (value == null) {
                values.remove(option);
                return this;
            }
            return option(option.name(), value);
        }

        /**
         * Sets the options of a checkpoint. Its temperature does not turn sampling on: it has an
         * effect once a user does.
         */
        void recommend(Map<String, Object> options) {
            options.forEach(this::option);
            shaped = Boolean.TRUE.equals(values.remove(SamplingOptions.DO_SAMPLE));
        }

        /** Sets {@link StoppingOptions#MAX_NEW_TOKENS}. */
        public Builder maxNewTokens(int value) {
            return set(StoppingOptions.MAX_NEW_TOKENS, value);
        }

        /** Sets {@link StoppingOptions#MIN_NEW_TOKENS}. */
        public Builder minNewTokens(int value) {
            return set(StoppingOptions.MIN_NEW_TOKENS, value);
        }

        /** Sets {@link StoppingOptions#EOS_TOKEN_ID}. */
        public Builder eosTokenIds(List<Integer> value) {
            return set(StoppingOptions.EOS_TOKEN_ID, value);
        }

        /** Sets {@link StoppingOptions#STOP_STRINGS}. */
        public Builder stopStrings(List<String> value) {
            return set(StoppingOptions.STOP_STRINGS, value);
        }

        /** Sets {@link SamplingOptions#DO_SAMPLE}. */
        public Builder doSample(boolean value) {
            return set(SamplingOptions.DO_SAMPLE, value);
        }

        /** Sets {@link SamplingOptions#SEED}. */
        public Builder seed(long value) {
            return set(SamplingOptions.SEED, value);
        }

        /** Sets {@link SamplingOptions#TEMPERATURE}. */
        public Builder temperature(double value) {
            return set(SamplingOptions.TEMPERATURE, value);
        }

        /** Sets {@link SamplingOptions#TOP_K}. */
        public Builder topK(int value) {
            return set(SamplingOptions.TOP_K, value);
        }

        /** Sets {@link SamplingOptions#TOP_P}. */
        public Builder topP(double value) {
            return set(SamplingOptions.TOP_P, value);
        }

        /** Sets {@link SamplingOptions#MIN_P}. */
        public Builder minP(double value) {
            return set(SamplingOptions.MIN_P, value);
        }

        /** Sets {@link PenaltyOptions#REPETITION_PENALTY}. */
        public Builder repetitionPenalty(double value) {
            return set(PenaltyOptions.REPETITION_PENALTY, value);
        }

        /** Sets {@link OutputOptions#PAD_TOKEN_ID}. */
        public Builder padTokenId(int value) {
            return set(OutputOptions.PAD_TOKEN_ID, value);
        }

        /** Sets {@link OutputOptions#PREFILL_CHUNK_SIZE}. */
        public Builder prefillChunkSize(int value) {
            return set(OutputOptions.PREFILL_CHUNK_SIZE, value);
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
         * @throws IllegalArgumentException if a value is out of its range or does not go with
         *     another, naming the option
         */
        public GenerationConfig build() {
            values.forEach((option, value) -> option.check(value));
            Map<GenerationOption<?>, Object> all = new LinkedHashMap<>(values);
            all.putIfAbsent(SamplingOptions.DO_SAMPLE, shaped);
            GenerationConfig config = new GenerationConfig(Collections.unmodifiableMap(all));
            new OptionCombinations(config).check();
            return config;
        }
    }
}
