/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@link RequestFuzzer}. */
@Timeout(120)
class RequestFuzzerTest {

    static Served server() throws IOException {
        Served served = new Served();
        served.requestTimeout =
                Duration.ofMillis(100); // for requests that announce more than is sent
        return served.start();
    }

    @Test
    void everyRequestGetsAnAnswerOrAClose() throws IOException {
        try (Served served = server()) {
            RequestFuzzer fuzzer = new RequestFuzzer(served);
            for (int seed = 0; seed < 300; ++seed) {
                assertThat(fuzzer.run(seed)).as("request " + seed).isEmpty();
            }
            assertThat(fuzzer.outcomes()).containsKeys("200", "400", "404", "closed");
            assertThat(served.send(served.post("/v1/chat/completions", Served.CHAT)).statusCode())
                    .isEqualTo(200);
            served.await("requests_processing", 0);
        }
    }
}
