/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.SamplingOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The generation options of a request: OpenAI's fields, whose ranges are OpenAI's, and the zoo's
 * own under their names ({@code top_k}, {@code num_beams}).
 */
final class OptionFields {

    private static final int MOST_CHOICES = 128;
    private static final int MOST_STOPS = 4;
    private static final double MOST_BIAS = 100;

    private static final String MAX_NEW_TOKENS = "max_new_tokens";
    private static final String COUNT = "num_return_sequences";
    private static final String STOP_STRINGS = "stop_strings";

    /** Options of the zoo that have no place in an answer. */
    private static final Set<String> REFUSED = Set.of("output_scores");

    private final Map<String, Object> options = new LinkedHashMap<>();

    /** The names of the options in the request. */
    private final Map<String, String> given = new LinkedHashMap<>();

    /**
     * Takes the options.
     *
     * @param fields the request
     * @param maxTokens the endpoint's names of {@code max_new_tokens}
     */
    OptionFields(Fields fields, String... maxTokens) {
        for (String name : maxTokens) {
            set(MAX_NEW_TOKENS, name, fields.integer(name, 1, Integer.MAX_VALUE));
        }
        set(COUNT, "n", fields.integer("n", 1, MOST_CHOICES));
        set("temperature", "temperature", fields.number("temperature", 0, 2));
        set("top_p", "top_p", fields.number("top_p", 0, 1));
        set("seed", "seed", fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE));
        for (String name : List.of("presence_penalty", "frequency_penalty")) {
            set(name, name, fields.number(name, -2, 2));
        }
        stop(fields);
        bias(fields);
        for (String name : GenerationConfig.Builder.optionNames()) {
            // top_logprobs and response_format are the endpoint's
            if (!name.equals("top_logprobs") && !name.equals("response_format")) {
                if (REFUSED.contains(name)) {
                    fields.refuse(name);
                }
                set(name, name, fields.take(name));
            }
        }
    }

    private void stop(Fields fields) {
        Object stop = fields.take("stop");
        if (stop instanceof List<?> list) {
            if (list.size() > MOST_STOPS || !list.stream().allMatch(OptionFields::isText)) {
                throw wrongStop();
            }
            if (list.isEmpty()) {
                return;
            }
        } else if (stop != null && !isText(stop)) {
            throw wrongStop();
        }
        set(STOP_STRINGS, "stop", stop);
    }

    private static boolean isText(@Nullable Object value) {
        return value instanceof String text && !text.isEmpty();
    }

    private static ApiException wrongStop() {
        return Fields.wrongType(
                "stop", "a string or an array of up to " + MOST_STOPS + ", none of them empty");
    }

    private void bias(Fields fields) {
        Fields biases = fields.object("logit_bias");
        if (biases == null) {
            return;
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (String id : biases.names()) {
            Double bias = biases.number(id, -MOST_BIAS, MOST_BIAS);
            if (!id.matches("\\d{1,9}")) {
                throw ApiException.invalid("logit_bias", "the names in logit_bias are token ids");
            }
            if (bias != null) {
                values.put(id, bias);
            }
        }
        set("logit_bias", "logit_bias", values);
    }

    /** Sets an option that may be null. */
    void set(String option, String name, @Nullable Object value) {
        if (value == null) {
            return;
        }
        String other = given.put(option, name);
        if (other != null) {
            throw ApiException.invalid(
                    name, name + " and " + other + " are the same option: give one of the two");
        }
        options.put(option, value);
    }

    /** Checks that the tokens that the request asks for fit behind its prompt. */
    private void requireRoom(GenerationConfig config, int positions, int promptTokens) {
        String name = given.get(MAX_NEW_TOKENS);
        if (name != null && config.maxNewTokens() > positions - promptTokens) {
            throw ApiException.invalid(
                    name,
                    "context_length_exceeded",
                    name
                            + " is "
                            + config.maxNewTokens()
                            + ", but the prompt has "
                            + promptTokens
                            + " tokens, and the model takes "
                            + positions
                            + " of both: ask for at most "
                            + (positions - promptTokens),
                    null);
        }
    }

    /** Returns the number of answers to each prompt. */
    int count() {
        return options.get(COUNT) instanceof Number number ? number.intValue() : 1;
    }

    /**
     * Returns the options of the model, overridden by those of the request. They are checked by
     * {@link #complete}.
     */
    GenerationConfig.Builder over(GenerationConfig.Builder defaults) {
        GenerationConfig.Builder builder = defaults.copy();
        return named(
                null,
                () -> {
                    options.forEach(builder::option);
                    sampling(builder);
                    return builder;
                });
    }

    /**
     * Checks the options for prompts.
     *
     * @param builder the options of {@link #over}
     * @param defaults the options of the model
     * @param model its limits; the default of {@code max_new_tokens} is lowered to them
     * @param promptTokens number of tokens of the longest prompt
     */
    GenerationConfig complete(
            GenerationConfig.Builder builder,
            GenerationConfig.Builder defaults,
            ServedModel model,
            int promptTokens) {
        boolean open = !options.containsKey(MAX_NEW_TOKENS);
        GenerationConfig config =
                named(null, () -> model.limits().complete(builder, defaults, open, promptTokens));
        requireRoom(config, model.maxPositions(), promptTokens);
        return config;
    }

    /** A temperature of 0 is greedy decoding, and several answers are sampled. */
    private void sampling(GenerationConfig.Builder builder) {
        if (options.containsKey("do_sample")) {
            return;
        }
        if (options.get("temperature") instanceof Number number) {
            boolean samples = number.doubleValue() > 0;
            if (!samples) {
                builder.set(SamplingOptions.TEMPERATURE, 1.0);
            }
            builder.doSample(samples);
        } else if (count() > 1 && !options.containsKey(BeamOptions.NUM_BEAMS.name())) {
            builder.doSample(true);
        }
    }

    /**
     * Calls something that throws IllegalArgumentException if an option is wrong, whose name in the
     * request the error then has.
     *
     * @param param the field that is wrong otherwise; null for none in particular
     */
    <T> T named(@Nullable String param, Supplier<T> call) {
        try {
            return call.get();
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            String option = message.split("[ :]", 2)[0];
            String name = given.get(option);
            if (name != null) {
                throw ApiException.invalid(
                        name, "invalid_value", name + message.substring(option.length()), e);
            }
            throw param == null
                    ? ApiException.of(e)
                    : ApiException.invalid(param, "invalid_value", message, e);
        }
    }
}
