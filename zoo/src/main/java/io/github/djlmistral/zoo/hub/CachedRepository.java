/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One repository in the cache, laid out as Python's {@code huggingface_hub} does:
 *
 * <pre>
 * models--owner--name/
 *   blobs/&lt;etag>                  the contents, named by their hash
 *   refs/main                     the commit that a branch or tag stood at
 *   snapshots/&lt;commit>/&lt;path>   links to the blobs; without links, the files themselves
 *   trees/&lt;commit>.json          all files of the commit, where Python listed them
 *   .listings/&lt;commit>.json      the same from us
 * </pre>
 *
 * <p>The listings are what tells a whole snapshot from a part of one. Ours are not where Python
 * looks, because it holds a snapshot for broken that lacks any file of its listing, and we leave
 * out those that a model does not need.
 */
final class CachedRepository {

    private static final Logger LOGGER = LoggerFactory.getLogger(CachedRepository.class);

    /** What the name of a repository's directory begins with. */
    private static final String FOLDER = "models--";

    private static final int LONGEST_REF = 1024;

    private final Path cache;
    private final Path directory;

    CachedRepository(Path cache, String repository) {
        this.cache = cache;
        directory = cache.resolve(folder(repository));
    }

    /** {@code models--owner--name}. */
    static String folder(String repository) {
        return FOLDER + repository.replace("/", "--");
    }

    /** The repository of a directory; empty if it is none's. A name of the Hub has no -- itself. */
    static Optional<String> repository(String folder) {
        return folder.startsWith(FOLDER)
                ? Optional.of(folder.substring(FOLDER.length()).replace("--", "/"))
                : Optional.empty();
    }

    Path directory() {
        return directory;
    }

    Path blob(String etag) {
        return directory.resolve("blobs").resolve(etag);
    }

    Path snapshot(String commit) {
        return directory.resolve("snapshots").resolve(commit);
    }

    /** What is locked while a blob is downloaded. */
    Path lock(String etag) {
        return locks().resolve(etag + ".lock");
    }

    Path locks() {
        return cache.resolve(".locks").resolve(String.valueOf(directory.getFileName()));
    }

    Path refs() {
        return directory.resolve("refs");
    }

    /** The commit that a revision stood at when it was downloaded. */
    Optional<String> commit(HubModel model) throws IOException {
        if (model.isPinned()) {
            return Optional.of(model.revision());
        }
        return ref(SafePath.below(refs(), model.revision()));
    }

    /** The commit in a file of a branch or tag; empty if it is missing or holds something else. */
    static Optional<String> ref(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            String commit = SmallFile.text(file, LONGEST_REF).strip();
            return commit.matches("[0-9a-f]{40}") ? Optional.of(commit) : Optional.empty();
        } catch (IOException e) {
            LOGGER.debug("{} is not used", file, e);
            return Optional.empty();
        }
    }

    /** All files of a commit, if someone has listed them. */
    Optional<Listing> listing(String commit) {
        for (Path file : List.of(directory.resolve("trees"), directory.resolve(".listings"))) {
            Path json = file.resolve(commit + ".json");
            try {
                if (Files.exists(json)) {
                    return Optional.of(
                            Listing.ofCache(commit, SmallFile.text(json, StrictJson.LONGEST)));
                }
            } catch (IOException | IllegalArgumentException e) {
                LOGGER.debug("{} is not used", json, e);
            }
        }
        return Optional.empty();
    }

    /** The files that there are of a commit. */
    List<String> files(String commit) throws IOException {
        Path snapshot = snapshot(commit);
        if (!Files.isDirectory(snapshot)) {
            return List.of();
        }
        try (Stream<Path> walk = Files.walk(snapshot)) {
            return walk.filter(Files::isRegularFile) // links are followed, broken ones left out
                    .map(file -> snapshot.relativize(file).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        }
    }

    /** Whether a file is in a commit's snapshot, whole. */
    boolean has(String commit, RemoteFile file) throws IOException {
        return isWhole(SafePath.below(snapshot(commit), file.path()), file);
    }

    /** Those of some files that are not in a commit's snapshot, or not whole. */
    List<RemoteFile> missing(String commit, List<RemoteFile> files) throws IOException {
        List<RemoteFile> missing = new ArrayList<>();
        for (RemoteFile file : files) {
            if (!has(commit, file)) {
                missing.add(file);
            }
        }
        return missing;
    }

    /** Whether a blob is there, whole. */
    boolean hasBlob(RemoteFile file) throws IOException {
        return isWhole(blob(file.etag()), file);
    }

    private static boolean isWhole(Path path, RemoteFile file) throws IOException {
        return Files.isRegularFile(path) && Files.size(path) == file.size();
    }

    /**
     * Puts a file whose blob is there into a commit's snapshot.
     *
     * @param links whether by a link, if the file system has them
     * @param isLast whether the blob is needed for nothing else, and may itself be moved there
     */
    void place(String commit, RemoteFile file, boolean links, boolean isLast) throws IOException {
        Path place = SafePath.below(snapshot(commit), file.path());
        Path blob = blob(file.etag());
        Path folder = place.resolveSibling("");
        Files.createDirectories(folder);
        if (links) {
            Path target = folder.relativize(blob);
            try {
                link(place, target);
                return;
            } catch (UnsupportedOperationException | FileSystemException e) {
                LOGGER.debug("no links here", e);
            }
        }
        if (isLast) {
            Files.move(blob, place, StandardCopyOption.REPLACE_EXISTING);
        } else {
            // under another name first: a copy can be cut short
            Path copy = place.resolveSibling(unique(place));
            Files.copy(blob, copy);
            Files.move(copy, place, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private static void link(Path place, Path target) throws IOException {
        Files.deleteIfExists(place);
        try {
            Files.createSymbolicLink(place, target);
        } catch (FileAlreadyExistsException e) {
            // another process was faster
            if (!Files.isSymbolicLink(place) || !Files.readSymbolicLink(place).equals(target)) {
                throw e;
            }
        }
    }

    /** Remembers what a commit has, and that a revision stands there. */
    void remember(HubModel model, Listing listing) throws IOException {
        if (this.listing(listing.commit()).isEmpty()) {
            write(
                    directory.resolve(".listings").resolve(listing.commit() + ".json"),
                    listing.toCache());
        }
        if (!model.isPinned() && !commit(model).equals(Optional.of(listing.commit()))) {
            write(SafePath.below(refs(), model.revision()), listing.commit());
        }
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.resolveSibling(""));
        Path written = file.resolveSibling(unique(file));
        Files.writeString(written, text);
        Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static String unique(Path file) {
        return file.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + ".tmp";
    }

    /**
     * Where a model is, if all that it needs is there. Without a listing, as of older Python
     * versions, what is there has to do; then the index of the weights tells whether they are
     * whole.
     */
    Optional<Path> find(HubModel model) throws IOException {
        Optional<String> commit = commit(model);
        if (commit.isEmpty() || !Files.isDirectory(snapshot(commit.get()))) {
            return Optional.empty();
        }
        Optional<Listing> listing = listing(commit.get());
        List<String> needed;
        boolean isComplete;
        try {
            if (listing.isPresent()) {
                List<RemoteFile> files = listing.get().choose(model);
                needed = files.stream().map(RemoteFile::path).toList();
                isComplete = missing(commit.get(), files).isEmpty();
            } else {
                needed = ModelFiles.choose(model, files(commit.get()));
                isComplete = SnapshotHeuristic.isComplete(snapshot(commit.get()), needed);
            }
        } catch (HubException e) {
            LOGGER.debug("{} is not in the cache", model, e);
            return Optional.empty();
        }
        return isComplete ? Optional.of(location(commit.get(), needed)) : Optional.empty();
    }

    /** What {@link Hub#find} gives of a model with these files. */
    Path location(String commit, List<String> paths) throws IOException {
        String last = paths.get(paths.size() - 1);
        return last.endsWith(".gguf") ? SafePath.below(snapshot(commit), last) : snapshot(commit);
    }
}
