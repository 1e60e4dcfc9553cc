/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The end of a server. */
@Timeout(60)
class StopTest {

    private static final String PATH = "/v1/chat/completions";
    private static final String SOME =
            Served.QUESTION + ",\"max_tokens\":100,\"min_new_tokens\":100";

    private final Served served = new Served();

    @Test
    void answersUnderWayEndAndOthersAreRefused() throws Exception {
        served.start();
        double before = served.metric("tokens_predicted_total");
        CompletableFuture<HttpResponse<String>> answer =
                served.client.sendAsync(
                        served.post(PATH, SOME + "}").build(), BodyHandlers.ofString());
        served.awaitTokens(before);
        // a thread of its own: HttpClient completes its answers in the common pool
        FutureTask<Void> closing =
                new FutureTask<>(() -> served.server.close(Duration.ofMinutes(1)), null);
        try (Socket longer = served.connect()) {
            Served.write(longer, Served.post(PATH, "", Served.LONG + ",\"stream\":true}"));
            assertThat(longer.getInputStream().read()).isEqualTo('H');
            new Thread(closing).start();
            int status;
            do {
                status = served.send(served.request("/health")).statusCode();
            } while (status == 200);
            assertThat(status).isEqualTo(503);
            assertThat(answer.get().body()).contains("\"finish_reason\":\"length\"");
            assertThat(closing.isDone()).isFalse();
        }
        closing.get();
        assertThatThrownBy(served::connect).isInstanceOf(ConnectException.class);
        served.pipeline.close();
    }

    @Test
    void answersThatTakeTooLongAreCancelled() throws IOException {
        served.start();
        try (Socket socket = served.connect()) {
            Served.write(socket, Served.post(PATH, "", Served.LONG + ",\"stream\":true}"));
            assertThat(socket.getInputStream().read()).isEqualTo('H');
            served.server.close(Duration.ofMillis(1));
            assertThat(Served.read(socket))
                    .contains("the server is stopping")
                    .doesNotContain("[DONE]");
        }
        assertThat(served.pipeline.generator().batchingMetrics().orElseThrow().running()).isZero();
        served.pipeline.close();
    }
}
