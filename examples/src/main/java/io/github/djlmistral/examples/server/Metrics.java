/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.BatchingMetrics;
import io.github.djlmistral.engine.generation.Generator;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counters in Prometheus' text format. Where llama-server has a metric, its name is the same but
 * for the prefix, which is {@code mistral:} in place of {@code llamacpp:}: a dashboard needs one
 * replacement, and nobody takes one server for the other.
 */
final class Metrics implements Endpoint {

    private static final String PREFIX = "mistral:";

    private final Generator generator;
    private final Router router;
    private final Map<Integer, LongAdder> answers = new ConcurrentSkipListMap<>();
    private final LongAdder millis = new LongAdder();

    Metrics(Generator generator, Router router) {
        this.generator = generator;
        this.router = router;
    }

    /** Counts a request that has ended. */
    void count(Call call) {
        answers.computeIfAbsent(call.status(), status -> new LongAdder()).increment();
        millis.add(call.elapsed().toMillis());
    }

    @Override
    public void answer(Call call) throws IOException {
        Page page = new Page();
        generator.batchingMetrics().ifPresent(metrics -> requests(page, metrics));
        generator
                .prefixes()
                .map(PrefixCache::metrics)
                .ifPresent(metrics -> prefixes(page, metrics));
        page.add("http_requests_processing", "gauge", "Requests being answered", router.admitted());
        page.head("http_requests_total", "counter", "Answers by status; 0 without an answer");
        long count = 0;
        for (Map.Entry<Integer, LongAdder> entry : answers.entrySet()) {
            page.line(
                    "http_requests_total{status=\"" + entry.getKey() + "\"}",
                    entry.getValue().sum());
            count += entry.getValue().sum();
        }
        page.head("http_request_duration_seconds", "summary", "Time to the end of answers");
        page.line("http_request_duration_seconds_sum", millis.sum() / 1e3);
        page.line("http_request_duration_seconds_count", count);
        call.send(
                200,
                "text/plain; version=0.0.4; charset=utf-8",
                page.text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void requests(Page page, BatchingMetrics metrics) {
        page.add(
                "prompt_tokens_total",
                "counter",
                "Tokens of prompts computed, without those of kept prefixes",
                metrics.computedTokens() - metrics.generatedTokens());
        page.add(
                "tokens_predicted_total",
                "counter",
                "Tokens generated, and drafts that were rejected",
                metrics.generatedTokens());
        page.add(
                "predicted_tokens_seconds",
                "gauge",
                "Tokens generated per second, recently",
                metrics.tokensPerSecond());
        page.add("n_decode_total", "counter", "Forward passes", metrics.passes());
        page.add(
                "n_busy_slots_per_decode",
                "gauge",
                "Mean sequences in a forward pass",
                metrics.passes() == 0 ? 0.0 : (double) metrics.sequences() / metrics.passes());
        page.add("requests_processing", "gauge", "Sequences being generated", metrics.running());
        page.add("requests_deferred", "gauge", "Sequences waiting for memory", metrics.queued());
        page.add(
                "requests_in_decode",
                "gauge",
                "Sequences in the forward pass, or waiting for it",
                metrics.waiting());
        page.add("kv_cache_bytes", "gauge", "Memory of their KV caches", metrics.cacheBytes());
    }

    private static void prefixes(Page page, PrefixCache.Metrics metrics) {
        page.add("prefix_cache_lookups_total", "counter", "Prompts looked up", metrics.lookups());
        page.add(
                "prefix_cache_hits_total", "counter", "Prompts with a kept prefix", metrics.hits());
        page.add(
                "prefix_cache_reused_tokens_total",
                "counter",
                "Tokens of prompts that were not computed again",
                metrics.reusedTokens());
        page.add("prefix_cache_entries", "gauge", "Kept prefixes", metrics.entries());
        page.add("prefix_cache_bytes", "gauge", "Memory of kept prefixes", metrics.bytes());
    }

    /** A page of metrics. */
    private static final class Page {

        final StringBuilder text = new StringBuilder();

        void add(String name, String type, String help, Number value) {
            head(name, type, help);
            line(name, value);
        }

        void head(String name, String type, String help) {
            text.append("# HELP ").append(PREFIX).append(name).append(' ').append(help);
            text.append("\n# TYPE ").append(PREFIX).append(name).append(' ').append(type);
            text.append('\n');
        }

        void line(String name, Number value) {
            String number = new BigDecimal(value.toString()).stripTrailingZeros().toPlainString();
            text.append(PREFIX).append(name).append(' ').append(number).append('\n');
        }
    }
}
