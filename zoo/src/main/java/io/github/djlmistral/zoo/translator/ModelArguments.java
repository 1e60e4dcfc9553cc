/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The arguments a model is loaded with ({@code Criteria.optArgument}, {@code serving.properties}):
 * those of this zoo, by the reference's names in either spelling ({@code max_new_tokens}, {@code
 * maxNewTokens}), among those that DJL and DJL Serving keep in the same map.
 */
public final class ModelArguments {

    private static final List<String> OWN = List.of("kernels", "dtype");

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
                    "has_parameter");

    private ModelArguments() {}

    /**
     * Checks that every argument means something.
     *
     * @param arguments the arguments
     * @throws IllegalArgumentException if there are others, naming them and the known ones
     */
    public static void check(Map<String, ?> arguments) {
        Set<String> unknown = new TreeSet<>();
        for (String key : arguments.keySet()) {
            String name = snakeCase(key);
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
    }

    /**
     * Finds an argument.
     *
     * @param arguments the arguments
     * @param name in the reference's spelling
     * @return its value, whichever way it is spelled
     */
    public static Optional<Object> value(Map<String, ?> arguments, String name) {
        return arguments.entrySet().stream()
                .filter(entry -> snakeCase(entry.getKey()).equals(name))
                .<Object>map(Map.Entry::getValue)
                .findFirst();
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }
}
