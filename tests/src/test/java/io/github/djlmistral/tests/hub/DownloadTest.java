/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static io.github.djlmistral.tests.hub.HubFixture.COMMIT;
import static io.github.djlmistral.tests.hub.HubFixture.MODEL;
import static io.github.djlmistral.tests.hub.HubFixture.hub;
import static io.github.djlmistral.tests.hub.HubFixture.random;
import static io.github.djlmistral.tests.hub.HubFixture.settings;
import static io.github.djlmistral.tests.hub.HubFixture.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads are complete, happen once, and use the cache layout of huggingface_hub. */
class DownloadTest {

    private final HubServer server = new HubServer();
    private final Repository repository = tiny(100_000);

    @TempDir private Path cache;

    @BeforeEach
    void publish() {
        server.repositories.put("owner/Tiny-7B", repository);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    @Test
    void downloadsRequiredFilesIntoPythonsLayout() throws IOException {
        HubFixture.Told told = new HubFixture.Told();

        Path snapshot = hub(server, cache).download(MODEL, told);

        Path directory = cache.resolve("models--owner--Tiny-7B");
        assertThat(snapshot).isEqualTo(directory.resolve("snapshots").resolve(COMMIT));
        assertThat(files(snapshot))
                .containsExactlyInAnyOrder(
                        "config.json",
                        "generation_config.json",
                        "tokenizer.json",
                        "tokenizer_config.json",
                        "model.safetensors");
        for (String file : files(snapshot)) {
            Path link = snapshot.resolve(file);
            assertThat(Files.readSymbolicLink(link))
                    .isEqualTo(Path.of("../../blobs", repository.etag(file)));
            assertThat(link).hasBinaryContent(repository.files.get(file));
        }
        assertThat(directory.resolve("refs/main")).hasContent(COMMIT);
        assertThat(files(directory.resolve("blobs"))).hasSize(5);
        assertThat(told.total).isEqualTo(server.served.get());
        assertThat(told.done).isSorted().endsWith(told.total);
        assertThat(told.hasEnded).isTrue();
    }

    @Test
    void filesAreDownloadedOnce() throws IOException {
        Hub hub = hub(server, cache);
        Path first = hub.download(MODEL, null);
        long served = server.served.get();
        HubFixture.Told told = new HubFixture.Told();

        assertThat(hub.download(MODEL, told)).isEqualTo(first);
        assertThat(hub.find(MODEL)).contains(first);
        assertThat(server.served).hasValue(served);
        assertThat(told.done).isEmpty();
    }

    @Test
    void aCommitIsNotAskedForAgain() throws IOException {
        Hub hub = hub(server, cache);
        HubModel pinned = new HubModel("owner/Tiny-7B", COMMIT);
        Path first = hub.download(pinned, null);
        server.close();

        assertThat(hub.download(pinned, null)).isEqualTo(first);
        assertThat(cache.resolve("models--owner--Tiny-7B/refs")).doesNotExist();
    }

    @Test
    void updatedBranchDownloadsChangesOnly() throws IOException {
        Hub hub = hub(server, cache);
        Path before = hub.download(MODEL, null);
        String later = "f".repeat(40);
        Repository moved = new Repository(later);
        repository.files.forEach(moved::with);
        moved.with("config.json", "{\"model_type\": \"mistral\", \"vocab_size\": 3}");
        server.repositories.put("owner/Tiny-7B", moved);
        server.served.set(0);

        Path after = hub.download(MODEL, null);

        assertThat(after).isNotEqualTo(before).hasFileName(later);
        assertThat(server.served).hasValue(moved.files.get("config.json").length);
        assertThat(cache.resolve("models--owner--Tiny-7B/refs/main")).hasContent(later);
    }

    @Test
    void unreachableHubFallsBackToTheCache() throws IOException {
        Path first = hub(server, cache).download(MODEL, null);
        server.instead = request -> HubServer.error(503, "", "down");

        assertThat(hub(server, cache).download(MODEL, null)).isEqualTo(first);
        assertThat(new Hub(settings(server, cache).withOffline(true)).download(MODEL, null))
                .isEqualTo(first);
    }

    @Test
    void incompleteSnapshotIsNotFound() throws IOException {
        Hub hub = hub(server, cache);
        Path snapshot = hub.download(MODEL, null);
        Files.delete(snapshot.resolve("tokenizer.json"));

        assertThat(hub.find(MODEL)).isEmpty();
        server.served.set(0);
        assertThat(hub.download(MODEL, null)).isEqualTo(snapshot);
        assertThat(server.served).as("the blob was there").hasValue(0);
        assertThat(hub.find(MODEL)).contains(snapshot);
    }

    @Test
    void aFileOfTheWrongLengthIsFetchedAnew() throws IOException {
        Hub hub = hub(server, cache);
        Path snapshot = hub.download(MODEL, null);
        Path weights = snapshot.resolve("model.safetensors");
        Files.write(weights, new byte[10]);

        assertThat(hub.find(MODEL)).isEmpty();
        hub.download(MODEL, null);
        assertThat(weights).hasBinaryContent(repository.files.get("model.safetensors"));
    }

    @Test
    void findsDownloadsOfPython() throws IOException {
        Path snapshot = hub(server, cache).download(MODEL, null);
        Path directory = cache.resolve("models--owner--Tiny-7B");
        Files.move(directory.resolve(".listings"), directory.resolve("trees"));
        Hub offline = new Hub(settings(server, cache).withOffline(true));
        assertThat(offline.find(MODEL)).contains(snapshot);

        Files.delete(snapshot.resolve("generation_config.json"));
        assertThat(offline.find(MODEL)).isEmpty();
    }

    @Test
    void findsDownloadsOfOlderPythonVersions() throws IOException {
        repository.files.remove("model.safetensors");
        repository
                .with("model-00001-of-00002.safetensors", random(2000))
                .with("model-00002-of-00002.safetensors", random(3000))
                .with(
                        "model.safetensors.index.json",
                        "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\":"
                                + " \"model-00002-of-00002.safetensors\"}}");
        Path snapshot = hub(server, cache).download(MODEL, null);
        Path listings = cache.resolve("models--owner--Tiny-7B/.listings");
        Files.delete(listings.resolve(COMMIT + ".json"));
        Hub offline = new Hub(settings(server, cache).withOffline(true));
        assertThat(offline.find(MODEL)).contains(snapshot);

        Files.delete(snapshot.resolve("model-00002-of-00002.safetensors"));
        assertThat(offline.find(MODEL)).isEmpty();
    }

    @Test
    void ofSeveralGgufFilesComesTheNamedOne() throws IOException {
        server.repositories.put(
                "owner/Tiny-GGUF",
                new Repository(COMMIT)
                        .with("config.json", "{}")
                        .with("tiny.Q4_0.gguf", random(4000))
                        .with("tiny.Q8_0.gguf", random(8000)));

        HubModel model = HubModel.parse("owner/Tiny-GGUF/tiny.Q4_0.gguf");
        Path file = hub(server, cache).download(model, null);

        assertThat(file).hasFileName("tiny.Q4_0.gguf").hasBinaryContent(random(4000));
        assertThat(server.served).hasValue(4000);
        assertThat(hub(server, cache).find(model)).contains(file);
        assertThat(hub(server, cache).find(HubModel.parse("owner/Tiny-GGUF/tiny.Q8_0.gguf")))
                .isEmpty();
        assertThatThrownBy(
                        () -> hub(server, cache).download(HubModel.parse("owner/Tiny-GGUF"), null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("tiny.Q4_0.gguf, tiny.Q8_0.gguf")
                .hasMessageContaining("hf://owner/Tiny-GGUF/tiny.Q4_0.gguf");
    }

    @Test
    void withoutLinksSnapshotsAreTheFiles() throws IOException {
        repository.with("special_tokens_map.json", "{\"a\": 1}"); // as another file
        Hub hub = new Hub(settings(server, cache).withLinks(false));

        Path snapshot = hub.download(MODEL, null);

        for (String file : files(snapshot)) {
            assertThat(snapshot.resolve(file))
                    .isRegularFile()
                    .matches(path -> !Files.isSymbolicLink(path))
                    .hasBinaryContent(repository.files.get(file));
        }
        assertThat(files(snapshot)).hasSize(6);
        assertThat(files(cache.resolve("models--owner--Tiny-7B/blobs"))).isEmpty();
        assertThat(hub.find(MODEL)).contains(snapshot);
    }

    @Test
    void severalAtOnceFetchEachFileOnce() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Callable<Path>> tasks = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                tasks.add(() -> hub(server, cache).download(MODEL, null));
            }
            for (Future<Path> one : pool.invokeAll(tasks)) {
                assertThat(one.get().resolve("model.safetensors"))
                        .hasBinaryContent(repository.files.get("model.safetensors"));
            }
        } finally {
            pool.shutdown();
        }
        assertThat(server.served)
                .hasValue(
                        Stream.of(
                                        "config.json",
                                        "generation_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "model.safetensors")
                                .mapToLong(file -> repository.files.get(file).length)
                                .sum());
    }

    @Test
    void anEmptyFileIsAFile() throws IOException {
        repository.with("added_tokens.json", "");
        assertThat(hub(server, cache).download(MODEL, null).resolve("added_tokens.json"))
                .isEmptyFile();
    }

    @Test
    void revisionsWithASlashAreOnePartOfTheAddress() throws IOException {
        repository.revisions.add("refs/pr/1");
        HubModel model = HubModel.parse("owner/Tiny-7B@refs/pr/1");

        hub(server, cache).download(model, null);

        assertThat(server.requests.get(0).path()).endsWith("/revision/refs/pr/1");
        assertThat(cache.resolve("models--owner--Tiny-7B/refs/refs/pr/1")).hasContent(COMMIT);
        assertThat(hub(server, cache).find(model)).isPresent();
    }

    private static Set<String> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
    }
}
