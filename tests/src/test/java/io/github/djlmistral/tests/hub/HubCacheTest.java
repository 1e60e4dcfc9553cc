/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static io.github.djlmistral.tests.hub.HubFixture.COMMIT;
import static io.github.djlmistral.tests.hub.HubFixture.MODEL;
import static io.github.djlmistral.tests.hub.HubFixture.hub;
import static io.github.djlmistral.tests.hub.HubFixture.random;
import static io.github.djlmistral.tests.hub.HubFixture.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.CachedModel;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Listing and deleting cached models. */
class HubCacheTest {

    private static final String LATER = "f".repeat(40);
    private static final HubModel GGUF = HubModel.parse("owner/two/a.gguf");

    private final HubServer server = new HubServer();
    private final Repository first = tiny(3000);
    private final Repository second = new Repository(LATER);

    @TempDir private Path cache;

    private Hub hub;

    @BeforeEach
    void download() throws IOException {
        hub = hub(server, cache);
        server.repositories.put("owner/Tiny-7B", first);
        first.revisions.add("v1");
        hub.download(new HubModel("owner/Tiny-7B", "v1"), null);
        first.files.forEach(second::with);
        second.with("model.safetensors", random(4000));
        server.repositories.put("owner/Tiny-7B", second);
        hub.download(MODEL, null);
        server.repositories.put(
                "owner/two",
                new Repository(COMMIT).with("a.gguf", random(2000)).with("b.gguf", random(1500)));
        hub.download(GGUF, null);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    @Test
    void listsModelsAndRevisions() throws IOException {
        assertThat(hub.list())
                .extracting(CachedModel::repository)
                .containsExactly("owner/Tiny-7B", "owner/two");
        CachedModel tiny = hub.list().get(0);
        assertThat(tiny.snapshots())
                .extracting(CachedModel.Snapshot::revisions)
                .map(Object::toString)
                .containsExactlyInAnyOrder("[main]", "[v1]");
        CachedModel.Snapshot main =
                tiny.snapshots().stream()
                        .filter(one -> one.commit().equals(LATER))
                        .findAny()
                        .orElseThrow();
        assertThat(main.files())
                .containsExactly(
                        "config.json",
                        "generation_config.json",
                        "model.safetensors",
                        "tokenizer.json",
                        "tokenizer_config.json");
        long small = main.bytes() - 4000;
        assertThat(tiny.bytes()).as("shared files once").isBetween(small + 7000, small + 10_000);
        assertThat(tiny.unfinishedBytes()).isZero();
        // the clock of the file system need not be ours
        assertThat(tiny.lastModified())
                .isBetween(Instant.now().minusSeconds(3600), Instant.now().plusSeconds(3600));
    }

    @Test
    void aCacheThatIsNotThereIsEmpty() throws IOException {
        assertThat(hub(server, cache.resolve("none")).list()).isEmpty();
    }

    @Test
    void removesARevisionAndKeepsWhatAnotherShares() throws IOException {
        assertThat(hub.remove(new HubModel("owner/Tiny-7B", "v1"))).isEqualTo(3000);

        assertThat(hub.find(new HubModel("owner/Tiny-7B", "v1"))).isEmpty();
        assertThat(hub.find(MODEL)).isPresent();
        assertThat(hub.list().get(0).snapshots()).hasSize(1);
        assertThat(hub.remove(MODEL)).isGreaterThan(9000);
        assertThat(cache.resolve("models--owner--Tiny-7B")).doesNotExist();
        assertThat(cache.resolve(".locks/models--owner--Tiny-7B")).doesNotExist();
    }

    @Test
    void removesOneOfSeveralGgufFiles() throws IOException {
        HubModel other = HubModel.parse("owner/two/b.gguf");
        hub.download(other, null);

        assertThat(hub.remove(GGUF)).isEqualTo(2000);

        assertThat(hub.find(GGUF)).isEmpty();
        assertThat(hub.find(other)).isPresent();
        assertThat(hub.remove(other)).isGreaterThanOrEqualTo(1500);
        assertThat(cache.resolve("models--owner--two")).doesNotExist();
    }

    @Test
    void removesAll() throws IOException {
        Path outside = Files.writeString(cache.resolve("outside"), "mine");
        Path directory = cache.resolve("models--owner--Tiny-7B");
        Files.createSymbolicLink(directory.resolve("blobs/link"), outside);
        long bytes = hub.list().get(0).bytes();

        assertThat(hub.removeAll("owner/Tiny-7B")).isEqualTo(bytes);

        assertThat(directory).doesNotExist();
        assertThat(outside).hasContent("mine");
        assertThat(hub.find(GGUF)).isPresent();
    }

    @Test
    void removingAMissingModel() {
        assertThatThrownBy(() -> hub.remove(HubModel.parse("owner/three")))
                .isInstanceOf(HubException.class)
                .hasMessageContaining(cache.toString());
        assertThatThrownBy(() -> hub.removeAll("owner/three"))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("owner/three");
        assertThatThrownBy(() -> hub.removeAll("../.."))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
