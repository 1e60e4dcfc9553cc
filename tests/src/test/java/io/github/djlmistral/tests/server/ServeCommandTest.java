/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.examples.MistralCli;
import io.github.djlmistral.tests.examples.Cli;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code mistral serve}. */
@Timeout(120)
class ServeCommandTest {

    @TempDir Path directory;

    @Test
    void unsafeOrInvalidOptions() throws IOException {
        assertThat(Cli.run("serve", "--host=0.0.0.0").fault(2))
                .contains("can be reached from other machines", "give API keys");
        assertThat(Cli.run("serve", "--port=65536").fault(2)).contains("--port is 65536");
        assertThat(Cli.run("serve", "--max-requests=0").fault(2)).contains("max-requests is 0");
        assertThat(Cli.run("serve", "--temperature=-1").fault(2)).contains("--temperature");
        Path empty = Files.writeString(directory.resolve("keys"), "\n \n");
        assertThat(Cli.run("serve", "--api-key-file=" + empty).fault(2)).contains("no API key");
        assertThat(Cli.run("serve", "--api-key=secret").fault(2)).contains("Unknown option");
        assertThat(Cli.run("serve", "--tls-keystore=" + empty).fault(2))
                .contains("--tls-password-file", "MISTRAL_TLS_PASSWORD");
        Path password = Files.writeString(directory.resolve("password"), "secret");
        assertThat(
                        Cli.run(
                                        "serve",
                                        "--tls-keystore=" + empty,
                                        "--tls-password-file=" + password)
                                .fault(1))
                .contains("cannot use the key store", empty.toString())
                .doesNotContain("secret");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void accessLogIsClosed() throws IOException {
        Path log = directory.resolve("access.log");
        Cli.run("serve", "--access-log=" + log, "--temperature=-1").fault(2);
        assertThat(log).isEmptyFile();
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            for (Path file : files.toList()) {
                assertThat(file.toFile().getCanonicalFile())
                        .isNotEqualTo(log.toFile().getCanonicalFile());
            }
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no SIGTERM")
    void servesUntilItIsTerminated() throws Exception {
        Path keys = Files.writeString(directory.resolve("keys"), "first\nsecond\n");
        Path log = directory.resolve("access.log");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dai.djl.offline=true",
                                "-DOPT_OUT_TRACKING=true",
                                "-cp",
                                System.getProperty("java.class.path"),
                                MistralCli.class.getName(),
                                "serve",
                                "--port=0",
                                "--alias=house",
                                "--max-new-tokens=3",
                                "--api-key-file=" + keys,
                                "--access-log=" + log)
                        .start();
        try (BufferedReader err = process.errorReader()) {
            String line = err.readLine();
            while (line != null && !line.startsWith("listening on ")) {
                line = err.readLine();
            }
            assertThat(line).isNotNull();
            String url = line.replaceFirst("listening on (\\S+) .*", "$1/v1/chat/completions");
            URI uri = URI.create(url);
            HttpRequest request =
                    HttpRequest.newBuilder(uri)
                            .header("Authorization", "Bearer second")
                            .POST(HttpRequest.BodyPublishers.ofString(Served.CHAT))
                            .build();
            HttpResponse<String> response =
                    HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
            assertThat(response.body()).contains("\"model\":\"house\"", "\"completion_tokens\":3");
            process.toHandle().destroy(); // SIGTERM, and the streams stay open
            assertThat(err.lines().collect(Collectors.toList()))
                    .anyMatch(l -> l.startsWith("stopping"));
            assertThat(process.waitFor()).isZero();
        } finally {
            process.destroyForcibly();
        }
        List<String> lines = Files.readAllLines(log);
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0))
                .contains(" POST /v1/chat/completions 200 ")
                .doesNotContain("second");
    }
}
