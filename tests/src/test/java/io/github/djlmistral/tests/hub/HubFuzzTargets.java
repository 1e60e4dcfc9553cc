/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import io.github.djlmistral.tests.hostile.FuzzTarget;
import io.github.djlmistral.tests.hostile.FuzzTarget.Form;
import io.github.djlmistral.tests.hub.HubServer.Reply;
import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Answers of the Hub, and files in its cache. */
public final class HubFuzzTargets {

    private static final String NAME = "owner/Tiny-7B";
    private static final HubModel MODEL = new HubModel(NAME, HubModel.MAIN);
    private static final String FOLDER = "models--owner--Tiny-7B";
    private static final String INDEX =
            "{\"metadata\":{},\"weight_map\":{\"a\":\"model-1-of-2.safetensors\","
                    + "\"b\":\"model-2-of-2.safetensors\"}}";

    private final HubServer server = new HubServer();
    private final Repository repository;
    private final List<FuzzTarget> targets = new ArrayList<>();

    private HubFuzzTargets() {
        repository =
                new Repository(HubFixture.COMMIT)
                        .with("config.json", "{}")
                        .with("tokenizer.json", "{}")
                        .with("model-1-of-2.safetensors", HubFixture.random(2000))
                        .with("model-2-of-2.safetensors", HubFixture.random(100))
                        .with("model.safetensors.index.json", INDEX);
        server.repositories.put(NAME, repository);
    }

    /** The kinds of files; their caches are below a directory. */
    public static List<FuzzTarget> of(Path directory) throws IOException {
        HubFuzzTargets all = new HubFuzzTargets();
        all.answers(Files.createDirectory(directory.resolve("hub-answers")));
        all.cache(Files.createDirectory(directory.resolve("hub-cache")));
        all.journals(Files.createDirectory(directory.resolve("hub-journals")));
        return all.targets;
    }

    private Hub hub(Path cache, boolean offline) {
        return new Hub(
                HubFixture.settings(server, cache)
                        .withOffline(offline)
                        .withBackOff(Duration.ZERO)
                        .withStall(Duration.ofSeconds(2)));
    }

    private void add(String name, Form form, String example, int weight, FuzzTarget.Reader reader) {
        byte[] bytes = example.getBytes(StandardCharsets.UTF_8);
        targets.add(new FuzzTarget(name, form, List.of(bytes), weight, reader));
    }

    private void answers(Path cache) {
        Hub hub = hub(cache, false);
        add(
                "hub answer",
                Form.JSON,
                HubServer.revision(NAME, repository),
                8,
                content -> {
                    clear(cache);
                    server.instead =
                            request ->
                                    request.path().startsWith("/api/")
                                            ? new Reply(200, content)
                                            : null;
                    hub.download(MODEL, null);
                });
    }

    /** A complete snapshot, of which one file is mutated. */
    private void cache(Path cache) throws IOException {
        hub(cache, false).download(MODEL, null);
        Path folder = cache.resolve(FOLDER);
        Path listing = folder.resolve(".listings/" + HubFixture.COMMIT + ".json");
        Path tree = Files.createDirectory(folder.resolve("trees")).resolve(listing.getFileName());
        Path ref = folder.resolve("refs/main");
        Path index =
                folder.resolve("snapshots/" + HubFixture.COMMIT + "/model.safetensors.index.json");
        Hub hub = hub(cache, true);
        String listed = Files.readString(listing);
        Files.delete(listing);
        add(
                "cache listing",
                Form.JSON,
                listed,
                8,
                content -> {
                    Files.write(tree, content);
                    try {
                        look(hub);
                    } finally {
                        Files.delete(tree);
                    }
                });
        add(
                "cache ref",
                Form.TEXT,
                HubFixture.COMMIT,
                4,
                content -> {
                    Files.write(ref, content);
                    try {
                        look(hub);
                    } finally {
                        Files.writeString(ref, HubFixture.COMMIT);
                    }
                });
        Files.delete(index); // a link
        Files.writeString(index, INDEX);
        add(
                "cache index",
                Form.JSON,
                INDEX,
                4,
                content -> {
                    Files.write(index, content);
                    try {
                        look(hub);
                    } finally {
                        Files.writeString(index, INDEX);
                    }
                });
    }

    private static void look(Hub hub) throws IOException {
        hub.find(MODEL);
        hub.list();
        hub.download(MODEL, null);
    }

    /** A download that was interrupted. */
    private void journals(Path cache) {
        byte[] weights = repository.files.get("model-1-of-2.safetensors");
        Path blobs = cache.resolve(FOLDER + "/blobs");
        String part = HubServer.hash(weights) + ".part";
        Hub hub = hub(cache, false);
        add(
                "part journal",
                Form.TEXT,
                "parts of 2000\n0 100\n200 300\n\n1900 2000\n",
                5,
                content -> {
                    clear(cache);
                    server.instead = request -> null;
                    Files.createDirectories(blobs);
                    Files.write(blobs.resolve(part), weights);
                    Files.write(blobs.resolve(part + ".journal"), content);
                    Path snapshot = hub.download(MODEL, null);
                    Path file = snapshot.resolve("model-1-of-2.safetensors");
                    if (Files.mismatch(file, blobs.resolve(HubServer.hash(weights))) >= 0) {
                        throw new IllegalStateException("the file is not what the server has");
                    }
                });
    }

    private static void clear(Path directory) throws IOException {
        try (Stream<Path> walk = Files.walk(directory)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                if (!path.equals(directory)) {
                    Files.delete(path);
                }
            }
        }
    }
}
