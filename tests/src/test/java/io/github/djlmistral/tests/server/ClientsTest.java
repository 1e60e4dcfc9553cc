/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Clients that are slow, or gone: they hold nothing for long, and their answers are not computed.
 */
@Timeout(60)
class ClientsTest {

    private static final String PATH = "/v1/chat/completions";
    private static final double ALL = 16 * 2000;

    private final Served served = new Served();

    @AfterEach
    void close() {
        assertThat(served.send(served.post(PATH, Served.CHAT)).statusCode()).isEqualTo(200);
        served.close();
    }

    @Test
    void slowRequestsAreEnded() throws IOException {
        served.requestTimeout = Duration.ofMillis(200);
        served.start();
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < 100; ++i) {
            Socket socket = served.connect();
            Served.write(
                    socket,
                    i % 2 == 0
                            ? "POST " + PATH + " HTTP/1.1\r\nHost: local"
                            : Served.post(PATH, "", Served.CHAT).replace("lighthouse?\"}]}", ""));
            sockets.add(socket);
        }
        for (Socket socket : sockets) {
            assertThat(Served.read(socket)).isEmpty();
            socket.close();
        }
    }

    @Test
    void clientThatDoesNotReadIsEnded() throws IOException {
        served.writeTimeout = Duration.ofMillis(200);
        served.start();
        // an answer of 20 MB, more than the system buffers
        String text = "{\"with_pieces\":true,\"content\":\"" + "a b ".repeat(200_000) + "\"}";
        try (Socket socket = served.connect()) {
            Served.write(socket, Served.post("/tokenize", "", text));
            assertThat(socket.getInputStream().read()).isEqualTo('H');
            served.await("http_requests_processing", 0);
            assertThat(Served.read(socket).length()).isLessThan(15_000_000);
        }
    }

    @Test
    void streamToClientThatHasGoneIsNotComputed() throws IOException {
        served.start();
        double before = served.metric("tokens_predicted_total");
        try (Socket socket = served.connect()) {
            Served.write(socket, Served.post(PATH, "", Served.LONG + ",\"stream\":true}"));
            assertThat(socket.getInputStream().read()).isEqualTo('H');
        }
        served.await("requests_processing", 0);
        assertThat(served.metric("tokens_predicted_total") - before).isLessThan(ALL);
    }

    @Test
    void answerForClientThatHasGoneIsNotComputed() throws IOException {
        served.start();
        double before = served.metric("tokens_predicted_total");
        try (Socket socket = served.connect()) {
            Served.write(socket, Served.post(PATH, "", Served.LONG + "}"));
            served.awaitTokens(before);
        }
        served.await("requests_processing", 0);
        assertThat(served.metric("tokens_predicted_total") - before).isBetween(1.0, ALL - 1);
    }

    @Test
    void clientThatHasClosedItsHalfGetsItsAnswer() throws IOException {
        served.start();
        for (String stream : List.of("false", "true")) {
            try (Socket socket = served.connect()) {
                String body =
                        Served.QUESTION
                                + ",\"max_tokens\":50,\"min_new_tokens\":50,\"stream\":"
                                + stream
                                + "}";
                Served.write(socket, Served.post(PATH, "", body));
                socket.shutdownOutput();
                assertThat(Served.read(socket))
                        .startsWith("HTTP/1.1 200 ")
                        .contains("\"finish_reason\":\"length\"");
            }
        }
    }

    @Test
    void oldClientGetsItsAnswer() throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            Served.write(
                    socket, Served.post(PATH, "", Served.CHAT).replace("HTTP/1.1", "HTTP/1.0"));
            assertThat(Served.read(socket))
                    .contains("a tower with a light that gives warning")
                    .endsWith("}");
        }
    }
}
