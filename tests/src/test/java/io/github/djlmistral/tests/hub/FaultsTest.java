/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static io.github.djlmistral.tests.hub.HubFixture.COMMIT;
import static io.github.djlmistral.tests.hub.HubFixture.MODEL;
import static io.github.djlmistral.tests.hub.HubFixture.settings;
import static io.github.djlmistral.tests.hub.HubFixture.tiny;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.tests.hub.HubServer.Reply;
import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors name their remedy, and credentials and cache paths are protected from servers. */
class FaultsTest {

    private final HubServer server = new HubServer();
    private final Repository repository = tiny(3000);

    @TempDir private Path folder;

    private Path cache;

    @BeforeEach
    void publish() {
        cache = folder.resolve("cache");
        server.repositories.put("owner/Tiny-7B", repository);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private AbstractThrowableAssert<?, ? extends Throwable> failure(
            HubSettings settings, HubModel model) {
        return assertThatThrownBy(() -> new Hub(settings).download(model, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining(model.repository());
    }

    private AbstractThrowableAssert<?, ? extends Throwable> failure() {
        return failure(settings(server, cache), MODEL);
    }

    @Test
    void gatedRepository() throws IOException {
        server.token = "hf_right";
        server.instead =
                request ->
                        request.path().startsWith("/api/")
                                        && request.header("authorization").isEmpty()
                                ? HubServer.json(HubServer.revision("owner/Tiny-7B", repository))
                                : null;
        // the list is public, the files are not
        failure()
                .hasMessageContaining("gated")
                .hasMessageContaining(server.endpoint() + "/owner/Tiny-7B")
                .hasMessageContaining("/settings/tokens")
                .hasMessageContaining("HF_TOKEN");
        assertThat(cache.resolve("models--owner--Tiny-7B/snapshots")).doesNotExist();

        Path snapshot =
                new Hub(settings(server, cache).withToken("hf_right")).download(MODEL, null);
        assertThat(snapshot.resolve("config.json")).exists();
    }

    @Test
    void accountWithoutAccessIsReported() {
        server.token = "hf_right";
        server.instead =
                request ->
                        request.path().contains("/resolve/")
                                ? HubServer.error(403, "GatedRepo", "awaiting a review")
                                : null;
        failure(settings(server, cache).withToken("hf_right"), MODEL)
                .hasMessageContaining("has no access to it")
                .hasMessageContaining("approval");
    }

    @Test
    void rejectedTokenIsReported() {
        server.token = "hf_right";
        failure(settings(server, cache).withToken("hf_wrong"), MODEL)
                .hasMessageContaining("not valid")
                .hasMessageContaining("HF_TOKEN")
                .satisfies(e -> assertThat(e.toString()).doesNotContain("hf_wrong"));
    }

    @Test
    void unknownRepositoryIsReported() {
        HubModel unknown = HubModel.parse("owner/Tiny-8B");
        failure(settings(server, cache), unknown)
                .hasMessageContaining("no such repository, or it is private")
                .hasMessageContaining("HF_TOKEN");
        failure(settings(server, cache).withToken("hf_right"), unknown)
                .hasMessageContaining("no such repository")
                .hasMessageContaining("access token may read");
        assertThat(server.requests).as("no second try").hasSize(2);
    }

    @Test
    void unknownRevisionIsReportedDespiteCache() throws IOException {
        new Hub(settings(server, cache)).download(MODEL, null);
        failure(settings(server, cache), HubModel.parse("owner/Tiny-7B@v9"))
                .hasMessageContaining("no revision \"v9\"");
    }

    @Test
    void offlineAndNotCachedTellsWhereItLooked() {
        HubSettings offline = settings(server, cache).withOffline(true);
        failure(offline, MODEL)
                .hasMessageContaining(cache.resolve("models--owner--Tiny-7B").toString())
                .hasMessageContaining("HF_HUB_OFFLINE")
                .hasMessageContaining("HF_HOME");
        assertThat(server.requests).isEmpty();
    }

    @Test
    void offlineWithAPartOfItTellsSo() throws IOException {
        Path snapshot = new Hub(settings(server, cache)).download(MODEL, null);
        Files.delete(snapshot.resolve("model.safetensors"));
        failure(settings(server, cache).withOffline(true), MODEL)
                .hasMessageContaining("; missing: model.safetensors");
    }

    @Test
    void offlineAndSeveralGgufFilesAsksForAName() throws IOException {
        server.repositories.put(
                "owner/two", new Repository(COMMIT).with("a.gguf", "a").with("b.gguf", "b"));
        HubSettings settings = settings(server, cache);
        new Hub(settings).download(HubModel.parse("owner/two/a.gguf"), null);
        failure(settings.withOffline(true), HubModel.parse("owner/two"))
                .hasMessageContaining("2 GGUF files: a.gguf, b.gguf");
    }

    @Test
    void theHubsLimitIsToldWithItsTime() {
        server.instead =
                request -> HubServer.error(429, "", "").header("RateLimit", "\"api\";r=0;t=1400");
        failure().hasMessageContaining("retry after 1400 s");
    }

    /** In its own process, because the environment must be changed. */
    @Test
    void aProxyOfTheEnvironmentIsUsed() throws Exception {
        server.instead =
                request ->
                        request.method().equals("CONNECT")
                                ? new Reply(407, new byte[0])
                                        .header("Proxy-Authenticate", "Basic realm=\"x\"")
                                : null;
        String printed = throughProxy(server.storage());
        assertThat(printed).contains("the proxy requires a user name and a password");
        assertThat(server.requests)
                .extracting(HubServer.Request::path)
                .containsExactly("hub.invalid:443");
    }

    @Test
    void aProxyGetsItsPassword() throws Exception {
        server.instead = FaultsTest::wantsPassword;
        throughProxy(
                server.storage().replace("//", "//name:secret@"),
                "-Djdk.http.auth.tunneling.disabledSchemes=");
        assertThat(server.requests)
                .extracting(request -> request.header("proxy-authorization"))
                .contains("Basic bmFtZTpzZWNyZXQ=");
    }

    @Test
    void anotherProxyDoesNotGetThePassword() throws Exception {
        server.instead = FaultsTest::wantsPassword;
        String port = server.storage().replaceAll(".*:", "");
        throughProxy(
                "http://name:secret@127.0.0.1:9",
                "-Djdk.http.auth.tunneling.disabledSchemes=",
                "-Dhttps.proxyHost=127.0.0.1",
                "-Dhttps.proxyPort=" + port);
        assertThat(server.requests).isNotEmpty();
        assertThat(server.requests)
                .extracting(request -> request.header("proxy-authorization"))
                .containsOnly("");
    }

    private static Reply wantsPassword(HubServer.Request request) {
        return new Reply(407, new byte[0]).header("Proxy-Authenticate", "Basic realm=\"x\"");
    }

    /** Output of a failing download in a process with this proxy in its environment. */
    private String throughProxy(String proxy, String... flags) throws Exception {
        ProcessBuilder builder =
                HubProgram.process("https://hub.invalid", cache.toString(), MODEL.toString());
        builder.command().addAll(1, List.of(flags));
        builder.environment()
                .keySet()
                .removeIf(name -> name.toLowerCase(Locale.ROOT).endsWith("_proxy"));
        builder.environment().put("https_proxy", proxy);
        Process process = builder.redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).isNotZero();
        return printed;
    }

    /** The message does not depend on the default locale; German would give "3000000,0". */
    @ParameterizedTest
    @ValueSource(strings = {"en-US", "de-DE", "ar-EG"})
    void missingDiskSpaceIsReportedBeforeDownload(String locale) {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag(locale));
        try {
            assertThatItDoesNotFit();
        } finally {
            Locale.setDefault(before);
        }
    }

    private void assertThatItDoesNotFit() {
        server.instead =
                request ->
                        request.path().startsWith("/api/")
                                ? HubServer.json(
                                        HubServer.revision("owner/Tiny-7B", repository)
                                                .replace(
                                                        "\"size\":3000,",
                                                        "\"size\":3000000000000000,"))
                                : null;
        failure()
                .hasMessageContaining("3000000.0 GB")
                .hasMessageContaining("free")
                .hasMessageContaining("HF_HOME");
        assertThat(server.fileRequests()).isEmpty();
    }

    @Test
    void serverThatIsNotAHub() {
        server.instead = request -> HubServer.json("<html>Please log in</html>");
        failure()
                .hasMessageContaining("is not a list of files")
                .hasMessageContaining("HF_ENDPOINT");
        server.instead = request -> HubServer.json("{\"sha\": 3}");
        failure().hasMessageContaining("is not a list of files");
        server.instead = request -> new Reply(418, new byte[0]);
        failure()
                .hasMessageContaining("responded with status 418")
                .hasMessageContaining("HF_ENDPOINT");
    }

    @Test
    void listingWithoutSizes() {
        server.instead =
                request ->
                        HubServer.json(
                                HubServer.revision("owner/Tiny-7B", repository)
                                        .replaceAll("\"(size|blobId)\":[^,}]*,?", "")
                                        .replace(",}", "}"));
        failure().hasMessageContaining("blobs=true");
    }

    @Test
    void theTokenStaysWithTheEndpoint() throws IOException {
        server.token = "hf_right";
        new Hub(settings(server, cache).withToken("hf_right")).download(MODEL, null);

        List<HubServer.Request> storage =
                server.requests.stream().filter(HubServer.Request::isStorage).toList();
        assertThat(storage)
                .isNotEmpty()
                .allMatch(request -> request.header("host").startsWith("127.0.0.1"))
                .allMatch(request -> request.header("authorization").isEmpty());
        assertThat(server.requests.stream().filter(request -> !request.isStorage()))
                .allMatch(request -> request.header("authorization").equals("Bearer hf_right"));
    }

    @Test
    void theTokenStaysWithTheEndpointsPort() throws IOException {
        try (HubServer other = new HubServer()) {
            server.instead =
                    request ->
                            new Reply(307, new byte[0])
                                    .header("Location", other.endpoint() + request.path());
            failure(settings(server, cache).withToken("hf_right"), MODEL);
            assertThat(other.requests)
                    .isNotEmpty()
                    .allMatch(request -> request.header("authorization").isEmpty());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.invalid/x",
                "ftp://localhost/x",
                "file:///etc/passwd",
                "//example.invalid/x",
                "http://localhost.example.invalid/x",
                "http:/x/y",
                "http://a b/",
            })
    void redirectsIntoTheClearAreNotFollowed(String location) {
        server.instead = request -> new Reply(302, new byte[0]).header("Location", location);
        assertThatThrownBy(() -> new Hub(settings(server, cache)).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("redirect");
        assertThat(server.requests).as("nothing is tried again").hasSize(1);
    }

    @Test
    void redirectsInACircleEnd() {
        server.instead = request -> new Reply(302, new byte[0]).header("Location", request.path());
        assertThatThrownBy(() -> new Hub(settings(server, cache)).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("more than 10");
    }

    @Test
    void redirectsWithinTheHubAreFollowed() throws IOException {
        // as of a repository that has another name now
        server.instead =
                request ->
                        request.path().contains("Old-7B")
                                ? new Reply(307, new byte[0])
                                        .header(
                                                "Location",
                                                request.path().replace("Old-7B", "Tiny-7B")
                                                        + "?"
                                                        + request.query())
                                : null;
        Path snapshot =
                new Hub(settings(server, cache)).download(HubModel.parse("owner/Old-7B"), null);
        assertThat(snapshot).isEqualTo(cache.resolve("models--owner--Old-7B/snapshots/" + COMMIT));
        assertThat(snapshot.resolve("config.json")).exists();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../../../evil.gguf",
                "/tmp/evil.gguf",
                "a/../../../../../evil.gguf",
                "..\\\\..\\\\evil.gguf",
                "C:\\\\evil.gguf",
                "a//evil.gguf",
                "./evil.gguf",
                "evil\\n.gguf",
            })
    void namesOfTheServerStayInTheCache(String path) throws IOException {
        server.instead =
                request ->
                        request.path().startsWith("/api/")
                                ? HubServer.json(
                                        "{\"sha\":\"%s\",\"siblings\":[{\"rfilename\":\"%s\",\"size\":4,\"blobId\":\"%s\"}]}"
                                                .formatted(COMMIT, path, "a".repeat(40)))
                                : null;
        nothingIsWritten("outside the cache");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"../../evil", "", "ABCDEF0123456789abcdef0123456789abcdef01", "abc/def"})
    void hashesOfTheServerAreHashes(String etag) throws IOException {
        server.instead =
                request ->
                        HubServer.json(
                                "{\"sha\":\"%s\",\"siblings\":[{\"rfilename\":\"a.gguf\",\"size\":4,\"blobId\":\"%s\"}]}"
                                        .formatted(COMMIT, etag));
        nothingIsWritten("no valid size and hash");
    }

    @Test
    void commitsOfTheServerAreCommits() throws IOException {
        server.instead = request -> HubServer.json("{\"sha\":\"../../../evil\",\"siblings\":[]}");
        nothingIsWritten("is not a list of files");
    }

    private void nothingIsWritten(String message) throws IOException {
        assertThatThrownBy(() -> new Hub(settings(server, cache)).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining(message);
        assertThat(server.fileRequests()).isEmpty();
        try (Stream<Path> all = Files.walk(folder)) {
            assertThat(all.filter(Files::isRegularFile)).isEmpty();
        }
    }

    @Test
    void closedConnectionIsReported() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            HubSettings gone =
                    HubSettings.of(URI.create("http://127.0.0.1:" + socket.getLocalPort()), cache)
                            .withBackOff(Duration.ofMillis(1))
                            .withStall(Duration.ofMillis(20));
            failure(gone, MODEL).hasMessageContaining("no data received for 0.02 s");
        }
    }
}
