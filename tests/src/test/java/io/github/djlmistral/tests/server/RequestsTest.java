/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that are refused, each with an error of OpenAI's form, and the server goes on. */
@Timeout(60)
class RequestsTest {

    private final Served served = new Served();

    @AfterEach
    void close() {
        assertThat(served.send(served.request("/health")).statusCode()).isEqualTo(200);
        served.close();
    }

    private void refused(HttpResponse<String> response, int status, String message) {
        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
        assertThat(Served.error(response).keySet())
                .containsExactlyInAnyOrder("message", "type", "param", "code");
        assertThat(Served.error(response).get("message").getAsString()).contains(message);
    }

    @Test
    void unknownPath() throws IOException {
        served.start();
        refused(served.send(served.request("/v2/models")), 404, "there is no /v2/models");
        refused(served.send(served.request("/v1/models/none")), 404, "none");
        refused(served.send(served.request("/nothing.js")), 404, "/nothing.js");
    }

    @Test
    void wrongMethod() throws IOException {
        served.start();
        HttpResponse<String> response = served.send(served.request("/v1/completions"));
        refused(response, 405, "takes POST");
        assertThat(response.headers().firstValue("Allow")).hasValue("POST");
        response = served.send(served.post("/v1/models", "{}"));
        refused(response, 405, "takes GET");
        assertThat(response.headers().firstValue("Allow")).hasValue("GET, HEAD");
    }

    @Test
    void head() throws IOException {
        served.start();
        HttpResponse<String> response =
                served.send(served.request("/health").method("HEAD", BodyPublishers.noBody()));
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).isEmpty();
        assertThat(response.headers().firstValueAsLong("Content-Length")).hasValue(15);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[]",
                "null",
                "{\"messages\":}",
                "{\"messages\":[]}",
                "{\"messages\":7}",
                "{'messages':[]}",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\"}",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"no_such_option\":1}"
            })
    void malformedRequests(String body) throws IOException {
        served.start();
        refused(served.send(served.post("/v1/chat/completions", body)), 400, "");
        refused(served.send(served.post("/tokenize", body)), 400, "");
    }

    @Test
    void deeplyNestedJson() throws IOException {
        served.start();
        String deep = "{\"content\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
        refused(served.send(served.post("/tokenize", deep)), 400, "");
        refused(served.send(served.post("/v1/chat/completions", deep)), 400, "");
    }

    @Test
    void bodyThatIsNotUtf8() throws IOException {
        served.start();
        byte[] latin = "{\"content\":\"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
        HttpRequest.Builder request =
                served.request("/tokenize").POST(BodyPublishers.ofByteArray(latin));
        refused(served.send(request), 400, "not UTF-8");
    }

    @Test
    void largeBody() throws IOException {
        served.maxBodyBytes = 1000;
        served.start();
        String fits = "{\"content\":\"" + "x".repeat(986) + "\"}";
        assertThat(served.send(served.post("/tokenize", fits)).statusCode()).isEqualTo(200);
        refused(served.send(served.post("/tokenize", fits + " ")), 413, "larger than 1000 bytes");
        String large = " ".repeat(3 << 20);
        refused(served.send(served.post("/tokenize", large)), 413, "larger than 1000 bytes");
        HttpRequest.Builder chunked =
                served.request("/tokenize")
                        .POST(BodyPublishers.fromPublisher(BodyPublishers.ofString(large)));
        refused(served.send(chunked), 413, "larger than 1000 bytes");
    }

    @Test
    void bodyThatIsAnnouncedButTooLargeIsNotAwaited() throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            Served.write(
                    socket,
                    "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n");
            byte[] begin = socket.getInputStream().readNBytes(12);
            assertThat(new String(begin, StandardCharsets.UTF_8)).isEqualTo("HTTP/1.1 413");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\r\n\r\n\r\n",
                "GET\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
                "GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
                "\u0016\u0003\u0001\u0002"
            })
    void whatIsNotHttp(String bytes) throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            Served.write(socket, bytes);
            socket.shutdownOutput();
            assertThat(Served.read(socket)).doesNotContain("\tat ");
        }
    }

    @Test
    void endlessHeaders() throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            String line = "X-Header: " + "x".repeat(8000) + "\r\n";
            Served.write(socket, "GET / HTTP/1.1\r\n");
            String answer = "";
            try {
                for (int i = 0; i < 1000; ++i) {
                    Served.write(socket, line);
                }
                answer = Served.read(socket);
            } catch (IOException e) {
                // closed while we write
            }
            assertThat(answer).doesNotContain("200");
        }
    }

    @Test
    void connectionIsKeptAfterAnError() throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            String wrong = "{}";
            Served.write(
                    socket,
                    Served.post("/tokenize", "", wrong).replace("Connection: close\r\n", ""));
            Served.write(
                    socket, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assertThat(Served.read(socket)).contains("HTTP/1.1 400 ", "HTTP/1.1 200 ");
        }
    }

    @Test
    void tooManyRequests() throws IOException {
        served.maxRequests = 1;
        served.start();
        try (Socket first = served.connect()) {
            Served.write(
                    first,
                    Served.post("/v1/chat/completions", "", Served.LONG + ",\"stream\":true}"));
            assertThat(first.getInputStream().read()).isEqualTo('H'); // it is being answered
            HttpResponse<String> response =
                    served.send(served.post("/v1/chat/completions", Served.CHAT));
            refused(response, 429, "1 requests, its limit");
            assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
            assertThat(served.send(served.request("/v1/models")).statusCode()).isEqualTo(200);
        }
        served.await("http_requests_processing", 0);
        assertThat(served.send(served.post("/v1/chat/completions", Served.CHAT)).statusCode())
                .isEqualTo(200);
    }
}
