/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.tests.hostile.Refusal;
import io.github.djlmistral.tests.hub.HubServer.Reply;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractStringAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Malicious servers and manipulated caches. */
@Timeout(60)
class HostileHubTest {

    private static final HubModel MODEL = new HubModel("owner/Tiny-7B", HubModel.MAIN);
    private static final String ETAG = "a".repeat(40);

    @TempDir Path directory;
    private Path cache;
    private HubServer server;

    @BeforeEach
    void start() throws IOException {
        cache = Files.createDirectory(directory.resolve("cache"));
        server = new HubServer();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private AbstractStringAssert<?> refusal() {
        return Refusal.of(
                () -> HubFixture.hub(server, cache).download(MODEL, new HubFixture.Told()));
    }

    private void answer(String json) {
        server.instead =
                request -> request.path().startsWith("/api/") ? HubServer.json(json) : null;
    }

    private static String listing(String siblings) {
        return "{\"sha\": \"" + HubFixture.COMMIT + "\", \"siblings\": " + siblings + "}";
    }

    private static String file(String path, String size, String etag) {
        return "{\"rfilename\": " + path + ", \"size\": " + size + ", \"blobId\": " + etag + "}";
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "null",
                "{\"siblings\": []}",
                "{\"sha\": 1, \"siblings\": []}",
                "{\"sha\": \"../../x\", \"siblings\": []}",
            })
    void answersThatAreNoList(String json) {
        answer(json);

        refusal().contains("is not a list of files");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "null",
                "[null]",
                "[[]]",
                "[{}]",
                "[{\"rfilename\": 1}]",
                "[{\"rfilename\": \"a\", \"size\": \"1\"}]",
                "[{\"rfilename\": \"a\", \"size\": -1}]",
                "[{\"rfilename\": \"a\", \"size\": 1e999999999}]",
                "[{\"rfilename\": \"a\", \"size\": 9223372036854775807}]",
                "[{\"rfilename\": \"a\", \"lfs\": []}]",
                "[{\"rfilename\": \"a\", \"lfs\": {\"sha256\": {}}}]",
            })
    void siblingsOfOtherKinds(String siblings) {
        answer(listing(siblings));

        refusal().contains("is not a list of files");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../model.gguf",
                "/model.gguf",
                "a/../../model.gguf",
                "C:model.gguf",
                "a:b.gguf",
                "a\\\\model.gguf",
                "CON.gguf",
                "nul.gguf",
                "a/COM1.gguf",
                "a./model.gguf",
                "a /model.gguf",
                "a\\u0000.gguf",
                "a\\n.gguf",
                "a//model.gguf",
            })
    void namesThatAreNoPathBelowTheCache(String name) throws IOException {
        answer(listing("[" + file("\"" + name + "\"", "4", "\"" + ETAG + "\"") + "]"));

        refusal().contains("an unsafe file name");
        try (Stream<Path> walk = Files.walk(directory)) {
            assertThat(walk.filter(Files::isRegularFile)).allMatch(file -> file.startsWith(cache));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "a/b", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "é"})
    void invalidHashes(String etag) {
        answer(listing("[" + file("\"model.gguf\"", "4", "\"" + etag + "\"") + "]"));

        refusal().contains("no valid size and hash for model.gguf");
    }

    @Test
    void sizesWhoseSumOverflows() {
        StringBuilder siblings = new StringBuilder();
        for (int i = 1; i < 4000; i++) {
            siblings.append(
                    file(
                            "\"model-" + i + "-of-4000.safetensors\"",
                            "4503599627370496",
                            "\"" + ETAG + "\""));
            siblings.append(',');
        }
        siblings.append(file("\"model.safetensors.index.json\"", "4", "\"" + ETAG + "\""));
        answer(listing("[" + siblings + "]"));

        refusal().contains("its files have more than 4503599627370496 bytes");
    }

    @Test
    void anEndlessList() {
        byte[] chunk = new byte[(32 << 20) + 1000];
        server.instead = request -> new Reply(200, chunk);

        refusal().contains("is not a list of files");
    }

    @Test
    void aRedirectLoop() {
        server.instead =
                request -> new Reply(302, new byte[0]).header("Location", request.path() + "x");

        refusal().contains("more than 10");
        assertThat(server.requests).hasSizeLessThan(20);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.invalid/",
                "file:///etc/passwd",
                "ftp://127.0.0.1/",
                "https:///nohost",
                "https://127.0.0.1:99999/",
                "http://%zz",
                "//",
                "http://user:password@127.0.0.1:1/",
                "javascript:alert(1)",
            })
    void redirectsToElsewhere(String location) {
        server.instead = request -> new Reply(302, new byte[0]).header("Location", location);

        refusal();
    }

    @Test
    void aBodyLongerThanAnnounced() {
        answer(listing("[" + file("\"model.gguf\"", "4", "\"" + ETAG + "\"") + "]"));
        byte[] body = new byte[50 << 20];
        var usual = server.instead;
        server.instead =
                request -> {
                    Reply reply = usual.apply(request);
                    return reply == null ? new Reply(200, body) : reply;
                };

        refusal().contains("is corrupt and was deleted");
    }

    @Test
    void silentServer() {
        server.instead =
                request -> {
                    Reply reply = new Reply(200, new byte[1 << 16]);
                    reply.pause = HostileHubTest::hang;
                    return reply;
                };

        Refusal.of(
                        () ->
                                new Hub(
                                                HubFixture.settings(server, cache)
                                                        .withStall(Duration.ofMillis(50)))
                                        .download(MODEL, null))
                .contains("no data received");
    }

    private static void hang() {
        try {
            Thread.sleep(20_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Path snapshot() throws IOException {
        Path repository = cache.resolve("models--owner--Tiny-7B");
        Files.createDirectories(repository.resolve("refs"));
        Files.writeString(repository.resolve("refs/main"), HubFixture.COMMIT);
        return Files.createDirectories(repository.resolve("snapshots").resolve(HubFixture.COMMIT));
    }

    @Test
    void removingASnapshotDeletesNothingOutsideTheCache() throws IOException {
        Path precious = Files.writeString(directory.resolve("precious"), "text");
        Files.createSymbolicLink(snapshot().resolve("model.gguf"), precious);
        Files.createDirectories(snapshot().resolveSibling("b".repeat(40)));

        HubFixture.hub(server, cache).remove(MODEL);

        assertThat(precious).hasContent("text");
        assertThat(snapshot().resolve("model.gguf")).doesNotExist();
    }

    @Test
    void aDownloadWritesNothingThroughALink() throws IOException {
        Path precious = Files.writeString(directory.resolve("precious"), "text");
        byte[] weights = HubFixture.random(3000);
        server.repositories.put(
                "owner/Tiny-7B",
                new HubServer.Repository(HubFixture.COMMIT).with("model.gguf", weights));
        Path blobs = cache.resolve("models--owner--Tiny-7B/blobs");
        Files.createDirectories(blobs);
        Files.createSymbolicLink(blobs.resolve(HubServer.hash(weights) + ".part"), precious);
        Files.createSymbolicLink(
                blobs.resolve(HubServer.hash(weights) + ".part.journal"), precious);

        Path file = HubFixture.hub(server, cache).download(MODEL, null);

        assertThat(file).hasBinaryContent(weights);
        assertThat(precious).hasContent("text");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "main", "\u00ff", "../../../x", "aaaa\nbbbb"})
    void refsWithoutCommit(String content) throws IOException {
        snapshot();
        Files.writeString(
                cache.resolve("models--owner--Tiny-7B/refs/main"),
                content,
                StandardCharsets.ISO_8859_1);

        assertThat(HubFixture.hub(server, cache).find(MODEL)).isEmpty();
        assertThat(HubFixture.hub(server, cache).list()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{\"format_version\": 1, \"files\": []}",
                "{\"format_version\": \"1\", \"files\": {}}",
                "{\"format_version\": 1, \"files\": {\"model.gguf\": []}}",
                "{\"format_version\": 1, \"files\": {\"model.gguf\": {\"size\": {}}}}",
            })
    void listingsInTheCacheOfOtherKinds(String json) throws IOException {
        Files.writeString(snapshot().resolve("config.json"), "{}");
        Path trees = Files.createDirectories(cache.resolve("models--owner--Tiny-7B/trees"));
        Files.writeString(trees.resolve(HubFixture.COMMIT + ".json"), json);

        assertThat(HubFixture.hub(server, cache).find(MODEL)).isEmpty();
    }
}
