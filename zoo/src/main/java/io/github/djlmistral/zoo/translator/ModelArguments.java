/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.quantization.Quantization;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Model arguments ({@code Criteria.optArgument}, {@code serving.properties}) in snake case or camel
 * case ({@code max_new_tokens}, {@code maxNewTokens}). The map also holds arguments of DJL and DJL
 * Serving.
 */
public final class ModelArguments {

    /**
     * Name of a GGUF file in the model's directory, as in transformers' {@code from_pretrained}.
     */
    public static final String GGUF_FILE = "gguf_file";

    /** Name of the model that drafts tokens, as in transformers' {@code generate}. */
    static final String ASSISTANT_MODEL = "assistant_model";

    private static final List<String> LIMITS =
            List.of("max_input_tokens", "max_total_tokens", "max_concurrent_requests");

    private static final List<String> OWN =
            Stream.concat(
                            Stream.of(
                                    "kernels",
                                    "native",
                                    "dtype",
                                    "kv_cache_dtype",
                                    "quantization",
                                    "truncation",
                                    "aggregation_strategy",
                                    "max_answer_len",
                                    "pooling",
                                    "normalize",
                                    "prompt",
                                    "prompt_name",
                                    "head",
                                    "labels",
                                    "problem_type",
                                    GGUF_FILE,
                                    ASSISTANT_MODEL,
                                    NamedAdapters.ADAPTER,
                                    NamedAdapters.ADAPTERS),
                            Stream.concat(LIMITS.stream(), CacheArguments.NAMES.stream()))
                    .toList();

    private static final Set<String> OF_DJL =
            Set.of(
                    "application",
                    "block_factory",
                    "translator_factory",
                    "translator",
                    "engine",
                    "model_name",
                    "batchifier",
                    "batch_size",
                    "max_batch_delay",
                    "job_queue_size",
                    "min_workers",
                    "max_workers",
                    "min_worker",
                    "max_worker",
                    "load_on_devices",
                    "max_idle_time",
                    "retry_threshold",
                    "metric_dimension",
                    "log_request_metric",
                    "metrics_aggregation",
                    "required_memory_mb",
                    "reserved_memory_mb",
                    "parallel_loading",
                    "has_parameter");

    private ModelArguments() {}

    /**
     * Checks the arguments as far as that is possible without the model.
     *
     * @param arguments the arguments
     * @throws IllegalArgumentException if one is unknown, naming the known ones; is given in both
     *     spellings; has a value of another type; or is out of its range
     */
    public static void check(Map<String, ?> arguments) {
        checkOnce(arguments.keySet());
        Set<String> unknown = new TreeSet<>();
        for (String key : arguments.keySet()) {
            // "gpu.max_workers" is the number of workers on GPUs
            String name =
                    GenerationConfig.Builder.referenceName(
                            key.replaceFirst("^(cpu|gpu|nc)\\d*\\.", ""));
            if (!OWN.contains(name)
                    && !OF_DJL.contains(name)
                    && !GenerationConfig.Builder.optionNames().contains(name)) {
                unknown.add(key);
            }
        }
        if (!unknown.isEmpty()) {
            List<String> known = new ArrayList<>(OWN);
            known.addAll(GenerationConfig.Builder.optionNames());
            throw new IllegalArgumentException(
                    "unknown model arguments " + unknown + "; known are " + known);
        }
        // checks types and ranges before gigabytes are downloaded and read
        GenerationConfig.Builder options = GenerationConfig.builder();
        setOptions(options, arguments);
        // the upper bound of min_new_tokens, max_new_tokens, may come from the checkpoint
        options.minNewTokens(0).build();
        limits(Map.of(), arguments);
        CacheArguments.check(arguments);
        value(arguments, "quantization").ifPresent(name -> Quantization.parse(name.toString()));
        computeOptions(arguments);
        truncation(arguments);
        aggregationStrategy(arguments);
        maxAnswerLen(arguments);
        NewHead.of(arguments);
        NamedAdapters.named(arguments);
        pooling(arguments);
        normalize(arguments);
        promptName(arguments);
    }

    /** Returns how embeddings are pooled, if that is given. */
    static Optional<Pooling> pooling(Map<String, ?> arguments) {
        return value(arguments, "pooling").map(value -> constant(Pooling.class, "pooling", value));
    }

    /** Returns whether embeddings are normalized, if that is given. */
    static Optional<Boolean> normalize(Map<String, ?> arguments) {
        return flag(arguments, "normalize");
    }

    /** Returns which of the checkpoint's prompts precedes each text, if that is given. */
    static Optional<String> promptName(Map<String, ?> arguments) {
        Optional<String> name = value(arguments, "prompt_name").map(Object::toString);
        if (name.isPresent() && value(arguments, "prompt").isPresent()) {
            throw new IllegalArgumentException("give either prompt or prompt_name, not both");
        }
        return name;
    }

    /** Returns how token classes become entities; by the first token of each word by default. */
    static AggregationStrategy aggregationStrategy(Map<String, ?> arguments) {
        Object value = value(arguments, "aggregation_strategy").orElse("first");
        return constant(AggregationStrategy.class, "aggregation_strategy", value);
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String name, Object value) {
        List<E> constants = List.copyOf(EnumSet.allOf(type));
        return constants.stream()
                .filter(constant -> constant.name().equalsIgnoreCase(value.toString()))
                .findFirst()
                .orElseThrow(
                        () -> {
                            List<String> names =
                                    constants.stream()
                                            .map(c -> c.name().toLowerCase(Locale.ROOT))
                                            .toList();
                            int last = names.size() - 1;
                            return new IllegalArgumentException(
                                    name
                                            + " is \""
                                            + value
                                            + "\", must be "
                                            + String.join(", ", names.subList(0, last))
                                            + " or "
                                            + names.get(last));
                        });
    }

    /** Returns the most tokens of an answer; 15 by default. */
    static int maxAnswerLen(Map<String, ?> arguments) {
        int value = integer("max_answer_len", value(arguments, "max_answer_len").orElse(15));
        if (value < 1) {
            throw new IllegalArgumentException("max_answer_len is " + value + ", must be positive");
        }
        return value;
    }

    /** Returns whether texts that are too long for the model are truncated; false by default. */
    static boolean truncation(Map<String, ?> arguments) {
        return flag(arguments, "truncation").orElse(false);
    }

    /** Returns the value of an argument that is true or false, if it is given. */
    static Optional<Boolean> flag(Map<String, ?> arguments, String name) {
        Optional<String> value = value(arguments, name).map(Object::toString);
        if (value.isPresent() && !List.of("true", "false").contains(value.get())) {
            throw new IllegalArgumentException(
                    name + " is \"" + value.get() + "\", must be true or false");
        }
        return value.map(Boolean::valueOf);
    }

    /**
     * Returns the kernels, the data types and the instruction set.
     *
     * @param arguments the arguments
     * @return the values of {@code kernels}, {@code dtype}, {@code native} and {@code
     *     kv_cache_dtype}, or their defaults
     * @throws IllegalArgumentException as for {@link ComputeOptions}
     */
    public static ComputeOptions computeOptions(Map<String, ?> arguments) {
        return new ComputeOptions(
                value(arguments, "kernels").orElse(ComputeOptions.DEFAULT).toString(),
                value(arguments, "dtype").orElse(ComputeOptions.DEFAULT).toString(),
                value(arguments, "native").orElse(ComputeOptions.DEFAULT).toString(),
                value(arguments, "kv_cache_dtype").orElse(ComputeOptions.DEFAULT).toString());
    }

    /**
     * Returns the path of the checkpoint.
     *
     * @param directory the model directory
     * @param arguments the arguments, or the properties of the model that was made with them
     * @return the GGUF file that {@link #GGUF_FILE} names, or the directory if it names none
     * @throws IOException if there is no such file
     */
    public static Path checkpoint(Path directory, Map<String, ?> arguments) throws IOException {
        Optional<Object> name = value(arguments, GGUF_FILE);
        if (name.isEmpty()) {
            return directory;
        }
        Path file = directory.resolve(name.get().toString()).normalize();
        // arguments may come with a model from the internet, in serving.properties
        if (!file.startsWith(directory.normalize()) || !Files.isRegularFile(file)) {
            throw new IOException(
                    directory.toAbsolutePath()
                            + " has no file "
                            + name.get()
                            + ": correct "
                            + GGUF_FILE
                            + ", which names a file in this directory");
        }
        return file;
    }

    /** Sets the generation options among the arguments. */
    static void setOptions(GenerationConfig.Builder builder, Map<String, ?> arguments) {
        for (String name : GenerationConfig.Builder.optionNames()) {
            value(arguments, name).ifPresent(value -> builder.option(name, value));
        }
    }

    /**
     * Reads the request limits.
     *
     * @param model the properties of the model: the arguments with which it was loaded
     * @param arguments the translator's arguments, which can only lower the model's limits
     * @throws IllegalArgumentException if one is not an integer or out of its range
     */
    static RequestLimits limits(Map<String, ?> model, Map<String, ?> arguments) {
        int[] limits = new int[LIMITS.size()];
        for (int i = 0; i < limits.length; ++i) {
            String name = LIMITS.get(i);
            limits[i] = Math.min(limit(model, name), limit(arguments, name));
        }
        return new RequestLimits(limits[0], limits[1], limits[2]);
    }

    private static int limit(Map<String, ?> arguments, String name) {
        return integer(name, value(arguments, name).orElse(RequestLimits.UNLIMITED));
    }

    static int integer(String name, Object value) {
        try {
            // numbers of JSON are doubles
            return new BigDecimal(value.toString().trim()).intValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException(
                    name + " is \"" + value + "\", must be a 32-bit integer", e);
        }
    }

    /** Overrides options, the model's with those of a request. */
    static void set(GenerationConfig.Builder builder, Map<String, ?> own) {
        checkOnce(own.keySet());
        own.forEach(builder::option);
    }

    /** Checks that no argument is given in both spellings. */
    static void checkOnce(Set<String> names) {
        Map<String, String> seen = new HashMap<>();
        // sorted, so that the message is deterministic
        for (String name : new TreeSet<>(names)) {
            String other = seen.put(GenerationConfig.Builder.referenceName(name), name);
            if (other != null) {
                throw new IllegalArgumentException(
                        other + " and " + name + " are the same option: give one of the two");
            }
        }
    }

    /**
     * Returns the value of an argument.
     *
     * @param arguments the arguments
     * @param name in snake case
     * @return its value, if given in either spelling
     */
    public static Optional<Object> value(Map<String, ?> arguments, String name) {
        return arguments.entrySet().stream()
                .filter(
                        entry ->
                                GenerationConfig.Builder.referenceName(entry.getKey()).equals(name))
                .<Object>map(Map.Entry::getValue)
                .findFirst();
    }
}
