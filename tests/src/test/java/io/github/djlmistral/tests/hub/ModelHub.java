/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import io.github.djlmistral.tests.hub.HubServer.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A Hub with real models, set as the endpoint of the library and the command line until it is
 * closed: see {@link HubEnvironment}.
 */
public final class ModelHub implements AutoCloseable {

    /** Commit id of every repository. */
    public static final String COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

    private final HubServer server = new HubServer();
    private final HubEnvironment environment;

    /** Starts the server. */
    public ModelHub(Path home) {
        environment = new HubEnvironment(server.endpoint(), home);
    }

    /** Publishes a directory or a file as a repository, with revisions besides main. */
    public ModelHub offer(String name, Path path, String... revisions) throws IOException {
        Repository repository =
                server.repositories.computeIfAbsent(name, key -> new Repository(COMMIT));
        repository.revisions.addAll(List.of(revisions));
        if (Files.isRegularFile(path)) {
            repository.with(path.getFileName().toString(), Files.readAllBytes(path));
            return this;
        }
        try (Stream<Path> files = Files.list(path)) {
            for (Path file : files.toList()) {
                repository.with(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        return this;
    }

    /** Adds a file. */
    public ModelHub offer(String name, String file, String content) {
        server.repositories.get(name).with(file, content);
        return this;
    }

    /** Requires a token. */
    public void gate(String token) {
        server.token = token;
    }

    /** Cuts each file after so many bytes, and then answers no more. */
    public void breakAfter(long bytes) {
        server.files =
                reply -> {
                    if (reply.to - reply.from > bytes) {
                        reply.cut = bytes;
                        server.instead =
                                request ->
                                        request.isFile()
                                                ? HubServer.error(404, "EntryNotFound", "gone")
                                                : null;
                    }
                    return reply;
                };
    }

    /** Restores normal operation. */
    public void repair() {
        server.files = reply -> reply;
        server.instead = request -> null;
    }

    /** Number of requests so far. */
    public int requests() {
        return server.requests.size();
    }

    /** Paths of the requested files, in order of the requests. */
    public List<String> requestedFiles() {
        return server.requests.stream()
                .map(request -> request.path().split("/resolve/" + COMMIT + "/", 2))
                .filter(parts -> parts.length == 2)
                .map(parts -> parts[1])
                .toList();
    }

    /** Bytes of file contents sent so far. */
    public long served() {
        return server.served.get();
    }

    /** Sets an environment variable. */
    public ModelHub set(String name, String value) {
        environment.set(name, value);
        return this;
    }

    /** Becomes unreachable. */
    public void stop() throws IOException {
        server.close();
    }

    @Override
    public void close() throws IOException {
        environment.close();
        server.close();
    }
}
