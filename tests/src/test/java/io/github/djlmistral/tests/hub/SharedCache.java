/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static io.github.djlmistral.tests.hub.HubFixture.MODEL;
import static io.github.djlmistral.tests.hub.HubFixture.hub;
import static io.github.djlmistral.tests.hub.HubFixture.settings;
import static io.github.djlmistral.tests.hub.HubFixture.tiny;

import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Checks that this project and Python's {@code huggingface_hub} share one cache: runs {@code
 * tests/reference/hub.py} against the tests' server and caches filled by either. Not a test,
 * because tests do not need Python; see {@code tests/reference/README.md}. Argument: the Python to
 * use.
 */
final class SharedCache {

    private final String python;
    private final HubServer server = new HubServer();
    private final Repository repository = tiny(3_000_000);

    private SharedCache(String python) {
        this.python = python;
        server.repositories.put("owner/Tiny-7B", repository);
    }

    public static void main(String[] arguments) throws Exception {
        SharedCache check = new SharedCache(arguments[0]);
        try (check.server) {
            for (String how : List.of("snapshot", "files")) {
                check.pythonsIsFound(how);
            }
            check.oursIsFound();
            check.pythonTakesOver();
        }
        System.out.println("all checks passed");
    }

    /** Python downloads; we find the model offline, and download nothing more online. */
    private void pythonsIsFound(String how) throws Exception {
        Path cache = Files.createTempDirectory("hub-python");
        List<String> printed = python(cache, how);
        Path snapshot = Path.of(printed.get(0));
        expect(described(snapshot), printed, "what Python downloaded by " + how);
        Hub offline = new Hub(settings(server, cache).withOffline(true));
        expect(Optional.of(snapshot), offline.find(MODEL), "we find it offline");
        server.served.set(0);
        expect(snapshot, hub(server, cache).download(MODEL, null), "we find it online");
        expect(0L, server.served.get(), "bytes that we fetched of it");
        expect(1, hub(server, cache).list().size(), "models that we list");
        delete(cache);
    }

    /**
     * We download; Python finds the model offline, lists it, downloads nothing more, and deletes
     * it.
     */
    private void oursIsFound() throws Exception {
        Path cache = Files.createTempDirectory("hub-java");
        Path snapshot = hub(server, cache).download(MODEL, null);
        expect(described(snapshot), python(cache, "offline"), "Python finds ours offline");
        long bytes = 0;
        for (String file : hub(server, cache).list().get(0).snapshots().get(0).files()) {
            bytes += Files.size(snapshot.resolve(file));
        }
        expect(
                List.of("owner/Tiny-7B 5 " + bytes + " ['main']", "warnings: 0"),
                python(cache, "scan"),
                "Python lists ours");
        server.served.set(0);
        expect(described(snapshot), python(cache, "files"), "Python finds ours online, by files");
        expect(described(snapshot), python(cache, "snapshot"), "and as a snapshot");
        expect(0L, server.served.get(), "bytes that Python fetched of it");
        expect(Optional.of(snapshot), hub(server, cache).find(MODEL), "we still find it");
        expect(List.of("deleted: 1"), python(cache, "delete"), "Python deletes ours");
        expect(List.of(), hub(server, cache).list(), "nothing is left");
        delete(cache);
    }

    /** An interrupted download of ours does not disturb Python, nor its result us. */
    private void pythonTakesOver() throws Exception {
        Path cache = Files.createTempDirectory("hub-both");
        server.files =
                reply -> {
                    reply.cut = reply.body.length > 2_000_000 ? (Long) 1_000_000L : null;
                    return server.served.get() > 1_000_000
                            ? HubServer.error(503, "", "down")
                            : reply;
                };
        server.served.set(0);
        try {
            hub(server, cache).download(MODEL, null);
            throw new IllegalStateException("it should have broken off");
        } catch (IOException e) {
            System.out.println("ours breaks off: " + e.getMessage());
        }
        server.files = reply -> reply;
        expect(
                true,
                hub(server, cache).list().get(0).unfinishedBytes() >= 1_000_000,
                "a part of ours is left");
        List<String> printed = python(cache, "snapshot");
        Path snapshot = Path.of(printed.get(0));
        expect(described(snapshot), printed, "Python downloads beside it");
        expect(Optional.of(snapshot), hub(server, cache).find(MODEL), "we find it");
        delete(cache);
    }

    private List<String> described(Path snapshot) throws IOException {
        List<String> lines = new ArrayList<>(List.of(snapshot.toString()));
        for (String file :
                List.of(
                        "config.json",
                        "generation_config.json",
                        "model.safetensors",
                        "tokenizer.json",
                        "tokenizer_config.json")) {
            byte[] content = repository.files.get(file);
            lines.add(file + " " + content.length + " " + sha256(content).substring(0, 16));
        }
        return lines;
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<String> python(Path cache, String command) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(python, "tests/reference/hub.py", command)
                        .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("HF_ENDPOINT", server.endpoint().toString());
        builder.environment().put("HF_HUB_CACHE", cache.toString());
        builder.environment().put("HF_HUB_DISABLE_TELEMETRY", "1");
        builder.environment().put("NO_PROXY", "localhost,127.0.0.1");
        Process process = builder.start();
        List<String> lines;
        try (Stream<String> printed = process.inputReader().lines()) {
            lines = printed.toList();
        }
        if (process.waitFor() != 0) {
            throw new IllegalStateException("hub.py " + command + " failed");
        }
        return lines;
    }

    private static void expect(Object expected, Object actual, String what) {
        if (!expected.equals(actual)) {
            throw new IllegalStateException(what + ": " + actual + " instead of " + expected);
        }
        System.out.println(what + ": " + actual);
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> walk = Files.walk(directory)) {
            for (Path path : walk.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
