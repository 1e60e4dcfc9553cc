/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.examples.server.ServerOptions;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may use the server. */
class AccessTest {

    private final Served served = new Served();

    @AfterEach
    void close() {
        if (served.server != null) {
            served.close();
        }
    }

    private int status(String authorization) {
        HttpRequest.Builder request = served.request("/v1/models");
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        return served.send(request).statusCode();
    }

    @Test
    void keys() throws IOException {
        served.keys = List.of("first-key", "sécond");
        served.start();
        assertThat(status("Bearer first-key")).isEqualTo(200);
        assertThat(status("bearer  first-key ")).isEqualTo(200);
        for (String wrong : List.of("Bearer first-ke", "Bearer ", "Basic first-key", "first-key")) {
            assertThat(status(wrong)).as(wrong).isEqualTo(401);
        }
        HttpResponse<String> response = served.send(served.post("/v1/chat/completions", "{}"));
        assertThat(response.statusCode()).isEqualTo(401);
        assertThat(response.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
        assertThat(Served.error(response).get("code").getAsString()).isEqualTo("invalid_api_key");
        assertThat(served.log.toString()).doesNotContain("first");
    }

    @Test
    void withKeysOnlyHealthAndPageAreOpen() throws IOException {
        served.keys = List.of("key");
        served.start();
        assertThat(served.send(served.request("/health")).statusCode()).isEqualTo(200);
        for (String path : List.of("/metrics", "/v1/models", "/tokenize", "/unknown", "/v1/")) {
            assertThat(served.send(served.request(path)).statusCode()).as(path).isEqualTo(401);
        }
    }

    @Test
    void otherMachinesNeedKeys() {
        InetSocketAddress everywhere = new InetSocketAddress("0.0.0.0", 0);
        Duration second = Duration.ofSeconds(1);
        assertThatThrownBy(
                        () ->
                                new ServerOptions(
                                        everywhere,
                                        List.of(),
                                        List.of(),
                                        1,
                                        1,
                                        second,
                                        second,
                                        null,
                                        null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0.0.0.0")
                .hasMessageContaining("give API keys");
        new ServerOptions(everywhere, List.of("key"), List.of(), 1, 1, second, second, null, null);
    }

    private String askWithHost(String headers) throws IOException {
        try (Socket socket = served.connect()) {
            Served.write(
                    socket, "GET /health HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n");
            return Served.read(socket);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "LocalHost:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:80"})
    void namesOfThisMachine(String host) throws IOException {
        served.start();
        assertThat(askWithHost("Host: " + host + "\r\n")).startsWith("HTTP/1.1 200 ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Host: example.org\r\n",
                "Host: localhost.example.org\r\n",
                "Host: 127.0.0.1.example.org\r\n",
                "Host: localhost\r\nHost: example.org\r\n",
                "Host: [::2]\r\n",
                "Host:\r\n",
                ""
            })
    void otherNamesAreRefused(String headers) throws IOException {
        served.start();
        assertThat(askWithHost(headers)).startsWith("HTTP/1.1 403 ").contains("the header Host");
    }

    @Test
    void withKeysAnyNameWillDo() throws IOException {
        served.keys = List.of("key");
        served.start();
        assertThat(askWithHost("Host: example.org\r\n")).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void pagesOfOtherOriginsAreRefused() throws IOException {
        served.start();
        double before = served.metric("tokens_predicted_total"); // of other tests of this model
        String own = served.server.uri().toString();
        assertThat(fromOrigin(own).statusCode()).isEqualTo(200);
        for (String other : List.of("null", "https://example.org", own + "1")) {
            HttpResponse<String> response = fromOrigin(other);
            assertThat(response.statusCode()).as(other).isEqualTo(403);
            assertThat(response.headers().map()).doesNotContainKey("access-control-allow-origin");
        }
        assertThat(served.metric("tokens_predicted_total")).isEqualTo(before);
    }

    private HttpResponse<String> fromOrigin(String origin) {
        return served.send(served.request("/v1/models").header("Origin", origin));
    }

    @Test
    void permittedOrigins() throws IOException {
        served.origins = List.of("https://example.org");
        served.start();
        HttpResponse<String> response = fromOrigin("https://example.org");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("Access-Control-Allow-Origin"))
                .hasValue("https://example.org");
        assertThat(fromOrigin("https://example.com").statusCode()).isEqualTo(403);
    }

    @Test
    void preflightNeedsNoKey() throws IOException {
        served.origins = List.of("*");
        served.keys = List.of("key");
        served.start();
        HttpResponse<String> response =
                served.send(
                        served.request("/v1/chat/completions")
                                .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                                .header("Origin", "https://example.org")
                                .header("Access-Control-Request-Method", "POST")
                                .header("Access-Control-Request-Headers", "authorization"));
        assertThat(response.statusCode()).isEqualTo(204);
        assertThat(response.headers().firstValue("Access-Control-Allow-Methods")).hasValue("POST");
        assertThat(response.headers().firstValue("Access-Control-Allow-Headers"))
                .hasValue("authorization");
        assertThat(fromOrigin("https://example.org").statusCode()).isEqualTo(401);
    }
}
