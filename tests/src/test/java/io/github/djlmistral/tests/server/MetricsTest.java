/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.tests.adapter.Adapters;
import io.github.djlmistral.zoo.Mistral;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code /metrics} of a model of which a request may choose an adapter. */
@Timeout(60)
class MetricsTest {

    @TempDir static Path directory;
    private static ZooModel<NDList, NDList> model;
    private static Served served;

    @BeforeAll
    static void start() throws Exception {
        Path adapter = directory.resolve("adapter");
        try (ZooModel<NDList, NDList> base =
                Mistral.criteria(NDList.class, NDList.class).build().loadModel()) {
            Adapters.random(Mistral.network(base), 1, 0.1).save(adapter);
        }
        model =
                Mistral.criteria(NDList.class, NDList.class)
                        .optArgument("adapters", "sql=" + adapter)
                        .optArgument("prefix_cache_bytes", "100000000")
                        .build()
                        .loadModel();
        served = new Served();
        served.model = model;
        served.start();
    }

    @AfterAll
    static void stop() {
        served.close();
        model.close();
    }

    @Test
    void prometheusTextFormat() {
        HttpResponse<String> response = served.send(served.request("/metrics"));
        assertThat(response.headers().firstValue("Content-Type"))
                .hasValue("text/plain; version=0.0.4; charset=utf-8");
        String labels = "(\\{[a-z]+=\"\\w+\"(,[a-z]+=\"\\w+\")?})?";
        assertThat(response.body().lines())
                .allMatch(
                        line ->
                                line.matches("# HELP mistral:[a-z_]+ .+")
                                        || line.matches(
                                                "# TYPE mistral:[a-z_]+ (counter|gauge|summary)")
                                        || line.matches("mistral:[a-z_]+" + labels + " [0-9.]+"));
        assertThat(response.body().lines().filter(line -> line.startsWith("# TYPE")))
                .doesNotHaveDuplicates();
    }

    @Test
    void answersAreCountedByStatus() {
        served.send(served.request("/v1/models/other"));
        served.await("http_requests_total{status=\"404\"}", 1);
    }

    @Test
    void requestsAndTokensAreCountedByAdapter() {
        for (String label : new String[] {"", "{adapter=\"sql\"}"}) {
            double requests = served.metric("requests_total" + label);
            double tokens = served.metric("tokens_predicted_total" + label);
            String other = label.isEmpty() ? "{adapter=\"sql\"}" : "";
            double others = served.metric("tokens_predicted_total" + other);
            String adapter = label.isEmpty() ? "" : ",\"adapter\":\"sql\"";
            String options = ",\"max_tokens\":20,\"min_new_tokens\":20}";
            served.send(served.post("/v1/chat/completions", Served.QUESTION + adapter + options));
            assertThat(served.metric("requests_total" + label)).isEqualTo(requests + 1);
            assertThat(served.metric("tokens_predicted_total" + label)).isEqualTo(tokens + 20);
            assertThat(served.metric("tokens_predicted_total" + other)).isEqualTo(others);
            served.await("prefix_cache_entries" + label, 1); // once the answer is closed
            assertThat(served.metric("prefix_cache_bytes" + label)).isBetween(1.0, 1e8);
            assertThat(served.metric("prefix_cache_max_bytes" + label)).isEqualTo(1e8);
        }
    }

    @Test
    void slotsOfARunningRequest() throws Exception {
        served.await("slots{state=\"idle\"}", 32);
        served.await("slots{state=\"generating\"}", 0);
        assertThat(served.metric("slots{state=\"processing_prompt\"}")).isZero();
        HttpResponse<InputStream> stream =
                served.client.send(
                        served.post("/v1/chat/completions", Served.LONG + ",\"stream\":true}")
                                .build(),
                        BodyHandlers.ofInputStream());
        try (InputStream events = stream.body()) {
            assertThat(events.read()).isPositive();
            served.await("slots{state=\"generating\"}", 16);
            assertThat(served.metric("slots{state=\"idle\"}")).isEqualTo(16);
            assertThat(served.metric("slots{adapter=\"sql\",state=\"idle\"}")).isEqualTo(32);
            assertThat(served.metric("requests_processing")).isEqualTo(1);
        }
        served.await("slots{state=\"idle\"}", 32);
    }
}
