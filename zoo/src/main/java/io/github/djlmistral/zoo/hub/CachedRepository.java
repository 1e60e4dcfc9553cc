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
 * A repository in the cache, in the layout of Python's {@code huggingface_hub}:
 *
 * <pre>
 * models--owner--name/
 *   blobs/&lt;etag>                  file contents, named by their hash
 *   refs/main                     commit id of a branch or tag
 *   snapshots/&lt;commit>/&lt;path>   links to the blobs; the files themselves where links are missing
 *   trees/&lt;commit>.json          all files of the commit, written by Python
 *   .listings/&lt;commit>.json      the same, written by us
 * </pre>
 *
 * <p>The listings tell a complete snapshot from an incomplete one. Ours have another name than
 * Python's, because Python requires all files of its listing to be in the snapshot, and we download
 * only those that a model needs.
 */
final class CachedRepository {

    private static final Logger LOGGER = LoggerFactory.getLogger(CachedRepository.class);

    /** Prefix of the directory names. */
    private static final String FOLDER = "models--";

    private static final int LONGEST_REF = 1024;

    private final Path cache;
    private final Path directory;

    CachedRepository(Path cache, String repository) {
        this.cache = cache;
        directory = cache.resolve(folder(repository));
    }

    /** Returns the directory name, {@code models--owner--name}. */
    static String folder(String repository) {
        return FOLDER + repository.replace("/", "--");
    }

    /**
     * Returns the repository of a directory name; empty if it is not that of a model. Names on the
     * Hub contain no {@code --}.
     */
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

    /** Returns the lock file of a blob. */
    Path lock(String etag) {
        return locks().resolve(etag + ".lock");
    }

    Path locks() {
        return cache.resolve(".locks").resolve(String.valueOf(directory.getFileName()));
    }

    Path refs() {
        return directory.resolve("refs");
    }

    /** Returns the commit that a revision pointed to when it was downloaded. */
    Optional<String> commit(HubModel model) throws IOException {
        if (model.isPinned()) {
            return Optional.of(model.revision());
        }
        return ref(SafePath.below(refs(), model.revision()));
    }

    /** Reads the commit id in the file of a branch or tag; empty if there is no valid one. */
    static Optional<String> ref(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            String commit = SmallFile.text(file, LONGEST_REF).strip();
            return commit.matches("[0-9a-f]{40}") ? Optional.of(commit) : Optional.empty();
        } catch (IOException e) {
            LOGGER.debug("Ignoring {}", file, e);
            return Optional.empty();
        }
    }

    /** Returns the list of all files of a commit, if it was cached. */
    Optional<Listing> listing(String commit) {
        for (Path file : List.of(directory.resolve("trees"), directory.resolve(".listings"))) {
            Path json = file.resolve(commit + ".json");
            try {
                if (Files.exists(json)) {
                    return Optional.of(
                            Listing.ofCache(commit, SmallFile.text(json, StrictJson.LONGEST)));
                }
            } catch (IOException | IllegalArgumentException e) {
                LOGGER.debug("Ignoring {}", json, e);
            }
        }
        return Optional.empty();
    }

    /** Returns the paths of the files in the snapshot of a commit. */
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

    /** Returns whether the snapshot of a commit has a file, in full length. */
    boolean has(String commit, RemoteFile file) throws IOException {
        return isWhole(SafePath.below(snapshot(commit), file.path()), file);
    }

    /** Returns the files that the snapshot of a commit lacks or has in another length. */
    List<RemoteFile> missing(String commit, List<RemoteFile> files) throws IOException {
        List<RemoteFile> missing = new ArrayList<>();
        for (RemoteFile file : files) {
            if (!has(commit, file)) {
                missing.add(file);
            }
        }
        return missing;
    }

    /** Returns whether the blob of a file exists, in full length. */
    boolean hasBlob(RemoteFile file) throws IOException {
        return isWhole(blob(file.etag()), file);
    }

    private static boolean isWhole(Path path, RemoteFile file) throws IOException {
        return Files.isRegularFile(path) && Files.size(path) == file.size();
    }

    /**
     * Adds a file, whose blob exists, to the snapshot of a commit.
     *
     * @param links whether to link to the blob, if the file system supports that
     * @param isLast whether the blob may be moved instead of copied
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
                LOGGER.debug("The file system does not support links", e);
            }
        }
        if (isLast) {
            Files.move(blob, place, StandardCopyOption.REPLACE_EXISTING);
        } else {
            // to a temporary name first: copying may be interrupted
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
            // created by another process meanwhile
            if (!Files.isSymbolicLink(place) || !Files.readSymbolicLink(place).equals(target)) {
                throw e;
            }
        }
    }

    /** Stores the list of files of a commit, and the commit of the revision. */
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
     * Returns the path of a model if all its files are cached. Without a listing, which older
     * Python versions do not write, {@link SnapshotHeuristic} decides.
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

    /** Returns the path of a model with these files, as {@link Hub#find} does. */
    Path location(String commit, List<String> paths) throws IOException {
        String last = paths.get(paths.size() - 1);
        return last.endsWith(".gguf") ? SafePath.below(snapshot(commit), last) : snapshot(commit);
    }
}
