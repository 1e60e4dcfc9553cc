/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import io.github.djlmistral.tests.hub.HubServer.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A Hub with real models, which the library and the command line find in their environment while it
 * is open: see {@link HubEnvironment}.
 */
public final class ModelHub implements AutoCloseable {

    /** The commit of every repository. */
    public static final String COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

    private final HubServer server = new HubServer();
    private final HubEnvironment environment;

    /** Starts it. */
    public ModelHub(Path home) {
        environment = new HubEnvironment(server.endpoint(), home);
    }

    /** Offers a directory's files, or one file, under a name and other revisions than main too. */
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

    /** Lets in only who has a token. */
    public void gate(String token) {
        server.token = token;
    }

    /** Breaks off each file after so many bytes, and then has none any more. */
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

    /** Has all again. */
    public void repair() {
        server.files = reply -> reply;
        server.instead = request -> null;
    }

    /** How many requests there were. */
    public int requests() {
        return server.requests.size();
    }

    /** How many bytes of files were sent. */
    public long served() {
        return server.served.get();
    }

    /** Sets a variable of the environment. */
    public ModelHub set(String name, String value) {
        environment.set(name, value);
        return this;
    }

    /** Cannot be reached any more. */
    public void stop() throws IOException {
        server.close();
    }

    @Override
    public void close() throws IOException {
        environment.close();
        server.close();
    }
}
