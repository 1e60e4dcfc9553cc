/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** HTTPS. */
@Timeout(60)
class TlsTest {

    private static final String PASSWORD = "changeit";

    @TempDir Path directory;

    /** Makes a key store with a new key for localhost. */
    static Path keyStore(Path directory) throws Exception {
        Path file = directory.resolve("keys.p12");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-keyalg",
                                "EC",
                                "-dname",
                                "CN=localhost",
                                "-ext",
                                "san=dns:localhost,ip:127.0.0.1",
                                "-validity",
                                "2",
                                "-storepass",
                                PASSWORD,
                                "-keystore",
                                file.toString())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return file;
    }

    private SSLContext context() throws Exception {
        KeyStore store = KeyStore.getInstance(keyStore(directory).toFile(), PASSWORD.toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, PASSWORD.toCharArray());
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    @Test
    void answers() throws Exception {
        Served served = new Served();
        served.tls = context();
        try (Served https = served.start();
                Socket plain = https.connect()) {
            assertThat(https.server.uri().getScheme()).isEqualTo("https");
            Served.write(plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertThat(Served.read(plain)).doesNotContain("HTTP");
            HttpClient client = HttpClient.newBuilder().sslContext(served.tls).build();
            for (String stream : new String[] {"false", "true"}) {
                String body = Served.QUESTION + ",\"stream\":" + stream + "}";
                HttpResponse<String> response =
                        client.send(
                                served.post("/v1/chat/completions", body).build(),
                                BodyHandlers.ofString());
                assertThat(response.statusCode()).isEqualTo(200);
                assertThat(response.body()).contains("passing");
            }
        }
    }

    @Test
    void slowHandshakesAreEnded() throws Exception {
        Served served = new Served();
        served.tls = context();
        served.requestTimeout = Duration.ofMillis(200);
        try (Served https = served.start();
                Socket socket = https.connect()) {
            Served.write(socket, "\u0016\u0003\u0001");
            assertThat(Served.read(socket)).isEmpty();
        }
    }
}
