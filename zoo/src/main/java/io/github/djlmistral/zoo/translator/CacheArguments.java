/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import com.sun.management.OperatingSystemMXBean;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Model arguments for batching and the memory of KV caches. */
final class CacheArguments {

    /**
     * {@code max_batch_size} and {@code max_batch_prefill_tokens} as in Text Generation Inference.
     */
    static final List<String> NAMES =
            List.of(
                    "batching",
                    "max_batch_size",
                    "max_batch_prefill_tokens",
                    "max_cache_bytes",
                    "prefix_cache_bytes",
                    "prefix_cache_idle_seconds");

    /** Numbers of JSON are doubles, such as 1.0E9. */
    private static final Pattern SIZE =
            Pattern.compile("(\\d{1,18}(?:\\.\\d{1,18})?(?:E\\d{1,2})?)\\s*([KMGT]?)(?:I?B)?");

    private static final long GIB = 1L << 30;

    private CacheArguments() {}

    /**
     * Checks the arguments.
     *
     * @throws IllegalArgumentException if one has another type or is out of its range
     */
    static void check(Map<String, ?> arguments) {
        batching(arguments);
        prefixCacheBytes(arguments);
        prefixCacheIdle(arguments);
    }

    /**
     * Returns the limits of batching; by default those of {@link Batching#DEFAULT}, and half of the
     * machine's memory for the KV caches of all requests.
     *
     * @return empty if each request is computed by itself
     */
    static Optional<Batching> batching(Map<String, ?> arguments) {
        Batching limits =
                new Batching(
                        integer(arguments, "max_batch_size", Batching.DEFAULT.maxSequences()),
                        integer(
                                arguments,
                                "max_batch_prefill_tokens",
                                Batching.DEFAULT.maxPrefillTokens()),
                        bytes(arguments, "max_cache_bytes", memory() / 2));
        return ModelArguments.flag(arguments, "batching").orElse(true)
                ? Optional.of(limits)
                : Optional.empty();
    }

    /**
     * Returns the KV caches that are kept for prompts with the same beginning, which all generators
     * of a network share; empty if none are kept.
     */
    static Optional<PrefixCache> prefixes(Map<String, ?> arguments, MistralForCausalLM network) {
        long budget = prefixCacheBytes(arguments);
        return budget == 0
                ? Optional.empty()
                : Optional.of(
                        network.attachment(
                                PrefixCache.class,
                                "prefixes",
                                () -> new PrefixCache(budget, prefixCacheIdle(arguments))));
    }

    /** By default 1 GiB, but at most an eighth of the machine's memory. 0 keeps none. */
    private static long prefixCacheBytes(Map<String, ?> arguments) {
        return bytes(arguments, "prefix_cache_bytes", Math.min(GIB, memory() / 8));
    }

    /** After this time without requests the kept caches are closed; by default 600 s. */
    private static Duration prefixCacheIdle(Map<String, ?> arguments) {
        int seconds = integer(arguments, "prefix_cache_idle_seconds", 600);
        if (seconds < 0) {
            throw new IllegalArgumentException(
                    "prefix_cache_idle_seconds is "
                            + seconds
                            + ", must be at least 0; 0 for no limit");
        }
        return Duration.ofSeconds(seconds);
    }

    private static int integer(Map<String, ?> arguments, String name, int otherwise) {
        return ModelArguments.integer(
                name, ModelArguments.value(arguments, name).orElse(otherwise));
    }

    private static long bytes(Map<String, ?> arguments, String name, long otherwise) {
        Optional<Object> value = ModelArguments.value(arguments, name);
        if (value.isEmpty()) {
            return otherwise;
        }
        Matcher size = SIZE.matcher(value.get().toString().strip().toUpperCase(Locale.ROOT));
        try {
            if (size.matches()) {
                int power = " KMGT".indexOf(size.group(2).isEmpty() ? " " : size.group(2));
                return new BigDecimal(size.group(1))
                        .multiply(BigDecimal.valueOf(1L << (10 * power)))
                        .longValueExact();
            }
        } catch (ArithmeticException e) {
            // a fraction of a byte, or too large
        }
        throw new IllegalArgumentException(
                name + " is \"" + value.get() + "\", must be a number of bytes, or such as 2GB");
    }

    private static long memory() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                .getTotalMemorySize();
    }
}
