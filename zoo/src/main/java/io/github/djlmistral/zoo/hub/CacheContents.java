/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Lists and removes the models in a cache. */
final class CacheContents {

    private final Path cache;

    CacheContents(Path cache) {
        this.cache = cache;
    }

    List<CachedModel> list() throws IOException {
        List<CachedModel> models = new ArrayList<>();
        if (Files.isDirectory(cache)) {
            for (Path directory : children(cache)) {
                String folder = String.valueOf(directory.getFileName());
                Optional<String> repository = CachedRepository.repository(folder);
                if (repository.isPresent() && Files.isDirectory(directory)) {
                    models.add(model(repository.get()));
                }
            }
        }
        models.sort(Comparator.comparing(CachedModel::repository));
        return models;
    }

    private CachedModel model(String name) throws IOException {
        CachedRepository repository = new CachedRepository(cache, name);
        Map<String, List<String>> revisions = revisions(repository);
        List<CachedModel.Snapshot> snapshots = new ArrayList<>();
        Map<String, Instant> times = new TreeMap<>();
        for (Path directory : children(repository.snapshot(""))) {
            String commit = String.valueOf(directory.getFileName());
            List<String> files = repository.files(commit);
            long bytes = 0;
            Instant last = Instant.EPOCH;
            for (String file : files) {
                Path path = directory.resolve(file);
                bytes += Files.size(path);
                last = later(last, path, LinkOption.NOFOLLOW_LINKS);
            }
            times.put(commit, last);
            snapshots.add(
                    new CachedModel.Snapshot(
                            commit,
                            revisions.getOrDefault(commit, List.of()),
                            directory,
                            files,
                            bytes));
        }
        snapshots.sort(
                Comparator.comparing(
                        (CachedModel.Snapshot one) ->
                                times.getOrDefault(one.commit(), Instant.EPOCH),
                        Comparator.reverseOrder()));
        long unfinished = 0;
        Instant last = Instant.EPOCH;
        for (Path blob : children(repository.blob(""))) {
            String file = blob.toString();
            if (file.endsWith(".part") || file.endsWith(".incomplete")) {
                unfinished += Files.size(blob);
            }
            last = later(last, blob);
        }
        for (Instant time : times.values()) {
            last = time.isAfter(last) ? time : last;
        }
        return new CachedModel(
                name,
                repository.directory(),
                snapshots,
                bytes(repository.directory()),
                unfinished,
                last);
    }

    long remove(HubModel model) throws IOException {
        CachedRepository repository = new CachedRepository(cache, model.repository());
        Optional<String> commit = repository.commit(model);
        if (commit.isEmpty() || !Files.isDirectory(repository.snapshot(commit.get()))) {
            throw notCached(model.toString());
        }
        Path snapshot = repository.snapshot(commit.get());
        List<String> files = repository.files(commit.get());
        List<String> unwanted =
                model.file() == null ? files : List.of(ModelFiles.choose(model, files).get(0));
        if (unwanted.size() == files.size() && children(repository.snapshot("")).size() == 1) {
            return removeAll(model.repository());
        }
        Set<Path> blobs = new HashSet<>();
        long free = 0;
        for (String file : unwanted) {
            Path path = snapshot.resolve(file);
            if (Files.isSymbolicLink(path)) {
                blobs.add(target(path));
            } else {
                free += Files.size(path);
            }
            Files.delete(path);
        }
        if (unwanted.size() == files.size()) {
            delete(snapshot);
            for (String revision : revisions(repository).getOrDefault(commit.get(), List.of())) {
                Files.deleteIfExists(SafePath.below(repository.refs(), revision));
            }
        }
        // a link may point outside the cache: its target is not ours to delete
        Path own = repository.blob("").toAbsolutePath().normalize();
        blobs.removeIf(blob -> !own.equals(blob.getParent()));
        blobs.removeAll(linked(repository));
        for (Path blob : blobs) {
            free += bytes(blob);
            Files.deleteIfExists(blob);
        }
        return free;
    }

    long removeAll(String name) throws IOException {
        CachedRepository repository = new CachedRepository(cache, name);
        if (!Files.isDirectory(repository.directory())) {
            throw notCached(name);
        }
        long free = bytes(repository.directory());
        // snapshots first: a reader must not find one without its blobs
        delete(repository.snapshot(""));
        delete(repository.directory());
        delete(repository.locks());
        return free;
    }

    private HubException notCached(String what) {
        return new HubException(
                what,
                "it is not in the cache " + cache,
                "List the cached models, or set HF_HOME to the directory of its cache");
    }

    /** Returns the branches and tags of each commit. */
    private static Map<String, List<String>> revisions(CachedRepository repository)
            throws IOException {
        Map<String, List<String>> revisions = new TreeMap<>();
        Path refs = repository.refs();
        if (Files.isDirectory(refs)) {
            try (Stream<Path> walk = Files.walk(refs)) {
                for (Path ref : walk.filter(Files::isRegularFile).sorted().toList()) {
                    String name = refs.relativize(ref).toString().replace('\\', '/');
                    CachedRepository.ref(ref)
                            .ifPresent(
                                    commit ->
                                            revisions
                                                    .computeIfAbsent(
                                                            commit, key -> new ArrayList<>())
                                                    .add(name));
                }
            }
        }
        return revisions;
    }

    /** Returns the blobs that any snapshot links to. */
    private static Set<Path> linked(CachedRepository repository) throws IOException {
        Set<Path> linked = new HashSet<>();
        try (Stream<Path> walk = Files.walk(repository.snapshot(""))) {
            for (Path link : walk.filter(Files::isSymbolicLink).toList()) {
                linked.add(target(link));
            }
        }
        return linked;
    }

    private static Path target(Path link) throws IOException {
        return link.resolveSibling(Files.readSymbolicLink(link)).toAbsolutePath().normalize();
    }

    /**
     * Returns the size of a file or directory tree. Sparse files count with their length: Java has
     * no access to the allocated size.
     */
    private static long bytes(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return 0;
        }
        long bytes = 0;
        try (Stream<Path> walk = Files.walk(path)) {
            for (Path file : walk.toList()) {
                BasicFileAttributes attributes =
                        Files.readAttributes(
                                file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                bytes += attributes.isRegularFile() ? attributes.size() : 0;
            }
        }
        return bytes;
    }

    /** Deletes recursively, without following links. */
    private static void delete(Path path) throws IOException {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> walk = Files.walk(path)) {
                for (Path one : walk.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(one);
                }
            }
        }
    }

    private static Instant later(Instant than, Path path, LinkOption... options)
            throws IOException {
        Instant time = Files.getLastModifiedTime(path, options).toInstant();
        return time.isAfter(than) ? time : than;
    }

    private static List<Path> children(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> list = Files.list(directory)) {
            return list.sorted().toList();
        }
    }
}
