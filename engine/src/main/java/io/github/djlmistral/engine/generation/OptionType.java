/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.generation.WatermarkingConfig.SeedingScheme;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The type of a generation option. Values are Java objects, JSON values as Gson reads them, or
 * strings as on the command line and in {@code serving.properties}: {@code 5,7} is a list of
 * integers, {@code 5,6;7} a list of such lists, {@code none} an empty list. Lists and objects may
 * be JSON there as well: {@code [[5, 6], [7]]}.
 *
 * @param <T> the Java type
 */
final class OptionType<T> {

    static final OptionType<Integer> INTEGER =
            new OptionType<>("a 32-bit integer", OptionType::int32);

    static final OptionType<Long> LONG = new OptionType<>("a 64-bit integer", OptionType::int64);

    static final OptionType<Double> NUMBER = new OptionType<>("a number", OptionType::number);

    static final OptionType<Boolean> BOOLEAN = new OptionType<>("true or false", OptionType::bool);

    static final OptionType<List<Integer>> INTEGERS =
            structured("a 32-bit integer or a list of them", OptionType::integers);

    static final OptionType<List<List<Integer>>> INTEGER_LISTS =
            structured(
                    "a list of lists of integers, as 5,6;7 or [[5, 6], [7]]",
                    value ->
                            list(value, ";", OptionType::sequence).stream()
                                    .map(OptionType::nonEmpty)
                                    .toList());

    static final OptionType<List<String>> STRINGS =
            new OptionType<>(
                    "a string or a list of strings",
                    value ->
                            value instanceof List<?> list
                                    ? list.stream().map(OptionType::string).toList()
                                    : List.of(string(value)));

    static final OptionType<Map<Integer, Double>> LOGIT_BIAS =
            structured(
                    "token ids with a bias, as 5:-2.5;7:1 or {\"5\": -2.5, \"7\": 1}",
                    OptionType::logitBias);

    static final OptionType<List<SequenceBias>> SEQUENCE_BIAS =
            structured(
                    "token sequences with a bias, as 5,6:-2.5;7:1 or [[[5, 6], -2.5], [[7], 1]]",
                    value -> list(value, ";", OptionType::sequenceBias));

    static final OptionType<ExponentialDecay> EXPONENTIAL_DECAY =
            structured("a start index and a factor, as 5,1.5", OptionType::decay);

    static final OptionType<EarlyStopping> EARLY_STOPPING =
            new OptionType<>("true, false or never", value -> constant(EarlyStopping.class, value));

    static final OptionType<AssistantTokensSchedule> ASSISTANT_TOKENS_SCHEDULE =
            new OptionType<>(
                    "adaptive, constant, heuristic or heuristic_transient",
                    value -> constant(AssistantTokensSchedule.class, value));

    static final OptionType<WatermarkingConfig> WATERMARKING =
            structured(
                    "an object with greenlist_ratio, bias, hashing_key, seeding_scheme (lefthash or"
                            + " selfhash) and context_width, as bias=2.5,context_width=2",
                    OptionType::watermarking);

    /** Its errors tell what is wrong inside, such as a keyword of a schema. */
    static final OptionType<ResponseFormat> RESPONSE_FORMAT =
            new OptionType<>(null, ResponseFormat::of);

    /** Null if the reader's own messages tell what is expected. */
    private final @Nullable String description;

    private final Function<Object, T> reader;

    private OptionType(@Nullable String description, Function<Object, T> reader) {
        this.description = description;
        this.reader = reader;
    }

    /** A type whose values may be JSON texts, too. */
    private static <T> OptionType<T> structured(String description, Function<Object, T> reader) {
        return new OptionType<>(description, value -> reader.apply(fromJson(value)));
    }

    private static Object fromJson(Object value) {
        return value instanceof CharSequence text && text.toString().matches("(?s)\\s*[\\[{].*")
                ? Objects.requireNonNull(StrictJson.plain(StrictJson.parseValue(text.toString())))
                : value;
    }

    /**
     * Reads a value.
     *
     * @param option its name, for the message
     * @throws IllegalArgumentException if it is of another type
     */
    T parse(String option, Object value) {
        try {
            return reader.apply(value);
        } catch (IllegalArgumentException | NullPointerException e) { // null elements of lists
            if (description == null) {
                throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
            }
            throw new IllegalArgumentException(
                    option
                            + " is "
                            + (isScalar(value)
                                    ? '"' + GenerationConfig.shortened(value.toString()) + '"'
                                    : value instanceof List<?> list
                                            ? "a list of " + list.size()
                                            : "an object")
                            + ", must be "
                            + description,
                    e);
        }
    }

    private static boolean isScalar(Object value) {
        return value instanceof CharSequence
                || value instanceof Number
                || value instanceof Boolean
                || value instanceof Enum<?>;
    }

    private static String scalar(Object value) {
        if (isScalar(value)) {
            return value.toString().trim();
        }
        throw new IllegalArgumentException("not a scalar");
    }

    /** JSON readers give 5.0 for 5. */
    private static String integer(Object value) {
        String text = scalar(value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    private static int int32(Object value) {
        return Integer.parseInt(integer(value));
    }

    private static long int64(Object value) {
        return Long.parseLong(integer(value));
    }

    private static double number(Object value) {
        return Double.parseDouble(scalar(value));
    }

    private static boolean bool(Object value) {
        return switch (scalar(value)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("neither true nor false");
        };
    }

    private static String string(Object value) {
        if (value instanceof CharSequence text) {
            return text.toString();
        }
        throw new IllegalArgumentException("not a string");
    }

    private static <E extends Enum<E>> E constant(Class<E> type, Object value) {
        return type.isInstance(value)
                ? type.cast(value)
                : Enum.valueOf(type, scalar(value).toUpperCase(Locale.ROOT));
    }

    private static List<Integer> integers(Object value) {
        return list(value, ",", OptionType::int32);
    }

    /** One of several sequences of tokens: a list, or a string with commas; not a number. */
    private static List<Integer> sequence(Object value) {
        if (value instanceof List<?> || value instanceof CharSequence) {
            return integers(value);
        }
        throw new IllegalArgumentException("not a list");
    }

    private static List<Integer> nonEmpty(List<Integer> list) {
        if (list.isEmpty()) {
            throw new IllegalArgumentException("an empty sequence");
        }
        return list;
    }

    /** Reads a list, the parts of a string, or a single value. */
    private static <E> List<E> list(Object value, String separator, Function<Object, E> element) {
        if (value instanceof List<?> list) {
            return list.stream().<E>map(element).toList();
        }
        if (value instanceof CharSequence text) {
            return text.toString().equals("none")
                    ? List.of()
                    : Stream.of(text.toString().split(separator, -1)).map(element).toList();
        }
        return List.of(element.apply(value));
    }

    /** Splits {@code [5, 1.5]}, {@code "5,1.5"} or {@code "5:1.5"} at the last separator. */
    private static List<?> pair(Object value, String separator) {
        List<?> pair = value instanceof List<?> list ? list : parts(scalar(value), separator);
        if (pair.size() != 2) {
            throw new IllegalArgumentException("not a pair");
        }
        return pair;
    }

    private static List<String> parts(String text, String separator) {
        int at = text.lastIndexOf(separator);
        return at < 0 ? List.of(text) : List.of(text.substring(0, at), text.substring(at + 1));
    }

    private static SequenceBias sequenceBias(Object value) {
        if (value instanceof SequenceBias bias) {
            return bias;
        }
        List<?> pair = pair(value, ":");
        return new SequenceBias(nonEmpty(sequence(pair.get(0))), number(pair.get(1)));
    }

    private static Map<Integer, Double> logitBias(Object value) {
        Map<Integer, Double> biases = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((id, bias) -> biases.put(int32(id), number(bias)));
        } else {
            for (List<?> pair : list(value, "[;,]", element -> pair(element, ":"))) {
                biases.put(int32(pair.get(0)), number(pair.get(1)));
            }
        }
        return biases;
    }

    private static ExponentialDecay decay(Object value) {
        if (value instanceof ExponentialDecay decay) {
            return decay;
        }
        List<?> pair = pair(value, ",");
        return new ExponentialDecay(int32(pair.get(0)), number(pair.get(1)));
    }

    private static WatermarkingConfig watermarking(Object value) {
        if (value instanceof WatermarkingConfig config) {
            return config;
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, field) -> fields.put(String.valueOf(key), field));
        } else {
            for (List<?> field : list(value, ",", element -> pair(element, "="))) {
                fields.put(scalar(field.get(0)), field.get(1));
            }
        }
        Set<String> unknown = new TreeSet<>(fields.keySet());
        unknown.removeAll(WatermarkingConfig.FIELDS);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("unknown " + unknown);
        }
        WatermarkingConfig defaults = WatermarkingConfig.DEFAULT;
        return new WatermarkingConfig(
                number(fields.getOrDefault("greenlist_ratio", defaults.greenlistRatio())),
                number(fields.getOrDefault("bias", defaults.bias())),
                int64(fields.getOrDefault("hashing_key", defaults.hashingKey())),
                constant(
                        SeedingScheme.class,
                        fields.getOrDefault("seeding_scheme", defaults.seedingScheme())),
                int32(fields.getOrDefault("context_width", defaults.contextWidth())));
    }
}
