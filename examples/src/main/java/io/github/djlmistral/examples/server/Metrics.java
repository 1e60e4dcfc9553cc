/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.BatchingMetrics;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Counters in Prometheus' text format. Where llama-server has a metric, its name is the same but
 * for the prefix, which is {@code mistral:} in place of {@code llamacpp:}: a dashboard needs one
 * replacement, and nobody takes one server for the other. An adapter that requests may choose has
 * its own lines, with its name as a label.
 */
final class Metrics implements Endpoint {

    private static final String PREFIX = "mistral:";

    private final Map<String, Generator> generators = new LinkedHashMap<>();
    private final Router router;
    private final Map<Integer, LongAdder> answers = new ConcurrentSkipListMap<>();
    private final LongAdder millis = new LongAdder();

    /**
     * Makes counters.
     *
     * @param pipeline the model; null if it generates no text
     */
    Metrics(@Nullable MistralPipeline pipeline, Router router) {
        this.router = router;
        if (pipeline == null) {
            return;
        }
        generators.put("", pipeline.generator());
        for (String adapter : pipeline.adapters()) {
            generators.put(
                    label("adapter", adapter.replaceAll("[\\\\\"]", "\\\\$0").replace("\n", "\\n")),
                    pipeline.adapter(adapter).generator());
        }
    }

    private static String label(String name, Object value) {
        return name + "=\"" + value + "\"";
    }

    /** Counts a request that has ended. */
    void count(Call call) {
        answers.computeIfAbsent(call.status(), status -> new LongAdder()).increment();
        millis.add(call.elapsed().toMillis());
    }

    @Override
    public void answer(Call call) throws IOException {
        Page page = new Page();
        lines(page, Generator::batchingMetrics).ifPresent(Metrics::requests);
        lines(page, generator -> generator.prefixes().map(PrefixCache::metrics))
                .ifPresent(Metrics::prefixes);
        page.head("http_requests_processing", "gauge", "Requests being answered");
        page.line("http_requests_processing", "", router.admitted());
        page.head("http_requests_total", "counter", "Answers by status; 0 without an answer");
        long count = 0;
        for (Map.Entry<Integer, LongAdder> entry : answers.entrySet()) {
            page.line(
                    "http_requests_total", label("status", entry.getKey()), entry.getValue().sum());
            count += entry.getValue().sum();
        }
        page.head("http_request_duration_seconds", "summary", "Time to the end of answers");
        page.line("http_request_duration_seconds_sum", "", millis.sum() / 1e3);
        page.line("http_request_duration_seconds_count", "", count);
        call.send(
                200,
                "text/plain; version=0.0.4; charset=utf-8",
                page.text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private <M> Optional<Lines<M>> lines(Page page, Function<Generator, Optional<M>> reader) {
        Map<String, M> metrics = new LinkedHashMap<>();
        generators.forEach(
                (label, generator) ->
                        reader.apply(generator).ifPresent(found -> metrics.put(label, found)));
        return Optional.of(new Lines<>(page, metrics)).filter(lines -> !metrics.isEmpty());
    }

    private static void requests(Lines<BatchingMetrics> lines) {
        lines.counter("requests_total", "Requests begun", BatchingMetrics::requests);
        lines.counter(
                "prompt_tokens_total",
                "Tokens of prompts computed, without those of kept prefixes",
                each -> each.computedTokens() - each.generatedTokens());
        lines.counter(
                "tokens_predicted_total",
                "Tokens generated, and drafts that were rejected",
                BatchingMetrics::generatedTokens);
        lines.gauge(
                "predicted_tokens_seconds",
                "Tokens generated per second, recently",
                BatchingMetrics::tokensPerSecond);
        lines.counter("n_decode_total", "Forward passes", BatchingMetrics::passes);
        lines.gauge(
                "n_busy_slots_per_decode",
                "Mean sequences in a forward pass",
                each -> each.passes() == 0 ? 0.0 : (double) each.sequences() / each.passes());
        lines.gauge("requests_processing", "Requests being computed", BatchingMetrics::running);
        lines.gauge("requests_deferred", "Requests waiting for memory", BatchingMetrics::queued);
        lines.gauge(
                "requests_in_decode",
                "Requests in the forward pass, or waiting for it",
                BatchingMetrics::waiting);
        slots(lines);
        lines.gauge("kv_cache_bytes", "Memory of their KV caches", BatchingMetrics::cacheBytes);
    }

    private static void slots(Lines<BatchingMetrics> lines) {
        String help = "Sequences by state, and free places in a forward pass; more take turns";
        lines.page.head("slots", "gauge", help);
        lines.metrics.forEach(
                (label, each) -> {
                    int free = each.maxSequences() - each.prompts() - each.generating();
                    slots(lines.page, label, "idle", Math.max(0, free));
                    slots(lines.page, label, "processing_prompt", each.prompts());
                    slots(lines.page, label, "generating", each.generating());
                });
    }

    private static void slots(Page page, String label, String state, int count) {
        page.line("slots", (label.isEmpty() ? "" : label + ",") + label("state", state), count);
    }

    private static void prefixes(Lines<PrefixCache.Metrics> lines) {
        lines.counter(
                "prefix_cache_lookups_total", "Prompts looked up", PrefixCache.Metrics::lookups);
        lines.counter(
                "prefix_cache_hits_total", "Prompts with a kept prefix", PrefixCache.Metrics::hits);
        lines.counter(
                "prefix_cache_reused_tokens_total",
                "Tokens of prompts that were not computed again",
                PrefixCache.Metrics::reusedTokens);
        lines.gauge("prefix_cache_entries", "Kept prefixes", PrefixCache.Metrics::entries);
        lines.gauge("prefix_cache_bytes", "Memory of kept prefixes", PrefixCache.Metrics::bytes);
        lines.gauge(
                "prefix_cache_max_bytes",
                "Maximum memory of kept prefixes",
                PrefixCache.Metrics::budget);
    }

    /** Metrics of each generator, by the label of its adapter. */
    private record Lines<M>(Page page, Map<String, M> metrics) {

        void counter(String name, String help, Function<M, Number> value) {
            add(name, "counter", help, value);
        }

        void gauge(String name, String help, Function<M, Number> value) {
            add(name, "gauge", help, value);
        }

        private void add(String name, String type, String help, Function<M, Number> value) {
            page.head(name, type, help);
            metrics.forEach((label, each) -> page.line(name, label, value.apply(each)));
        }
    }

    /** A page of metrics. */
    private static final class Page {

        final StringBuilder text = new StringBuilder();

        void head(String name, String type, String help) {
            text.append("# HELP ").append(PREFIX).append(name).append(' ').append(help);
            text.append("\n# TYPE ").append(PREFIX).append(name).append(' ').append(type);
            text.append('\n');
        }

        void line(String name, String labels, Number value) {
            text.append(PREFIX).append(name);
            if (!labels.isEmpty()) {
                text.append('{').append(labels).append('}');
            }
            String number = new BigDecimal(value.toString()).stripTrailingZeros().toPlainString();
            text.append(' ').append(number).append('\n');
        }
    }
}
