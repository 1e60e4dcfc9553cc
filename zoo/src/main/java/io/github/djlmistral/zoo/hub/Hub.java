/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Downloads models from the Hugging Face Hub and manages their cache.
 *
 * <pre>{@code
 * Path model = new Hub(HubSettings.fromEnvironment())
 *         .download(HubModel.parse("hf://mistralai/Mistral-7B-Instruct-v0.3"), new ProgressBar());
 * }</pre>
 *
 * <p>Thread-safe. Several processes may use the same cache.
 */
public final class Hub {

    private static final Logger LOGGER = LoggerFactory.getLogger(Hub.class);

    private final HubSettings settings;
    private @Nullable HubHttp client;

    /**
     * Creates a client. Accesses neither the network nor the cache yet.
     *
     * @param settings the addresses of the Hub and the cache, and how to connect
     */
    public Hub(HubSettings settings) {
        this.settings = settings;
    }

    /**
     * Returns the settings.
     *
     * @return the settings given to the constructor
     */
    public HubSettings settings() {
        return settings;
    }

    /**
     * Looks up a model in the cache, without network access.
     *
     * @param model the model
     * @return the directory of its snapshot, or its GGUF file, for {@code Mistral.criteria(Path)};
     *     empty unless all files of the model are cached
     * @throws IOException if the cache cannot be read
     */
    public Optional<Path> find(HubModel model) throws IOException {
        return repository(model).find(model);
    }

    /**
     * Returns the path of a model in the cache, after downloading the files that are missing. The
     * commit of a branch is requested each time; if the Hub is unreachable, a complete model in the
     * cache is returned instead.
     *
     * @param model the model
     * @param progress notified of the number of bytes: {@code reset(message, total)}, {@code
     *     start(already received)}, {@code update(received, file)}, and after the last byte {@code
     *     end()}. Calls do not overlap; there are none if no file is missing. May be null
     * @return the directory of its snapshot, or its GGUF file, for {@code Mistral.criteria(Path)}
     * @throws HubException if the model is not available; the message names cause and remedy
     * @throws java.io.InterruptedIOException if the thread is interrupted; the received bytes are
     *     kept, and the next call resumes the download
     * @throws IOException if the cache cannot be read or written
     */
    public Path download(HubModel model, @Nullable Progress progress) throws IOException {
        return download(model, progress, directory -> {});
    }

    /**
     * Returns a model as {@link #download(HubModel, Progress)} does, but requests its weights only
     * after a check of the other files.
     *
     * @param model the model
     * @param progress notified as above, or null
     * @param check called if weights are missing; not for GGUF models, which are a single file
     * @return the path as above
     * @throws IOException as above, or thrown by the check; the files that were checked stay in the
     *     cache
     */
    public Path download(HubModel model, @Nullable Progress progress, SnapshotCheck check)
            throws IOException {
        Optional<Path> cached = find(model);
        if (settings.offline()) {
            if (cached.isEmpty()) {
                throw notCached(model);
            }
            return cached.get();
        }
        if (cached.isPresent() && model.isPinned()) {
            return cached.get();
        }
        CachedRepository repository = repository(model);
        HubApi api = new HubApi(http());
        Listing listing;
        try {
            listing = api.listing(model, cached.isPresent() ? 1 : RetryPolicy.TRIES);
        } catch (HubException e) {
            if (cached.isEmpty() || e.isAbsent()) {
                throw e;
            }
            LOGGER.warn("Using the model in the cache: {}", e.getMessage());
            return cached.get();
        }
        List<RemoteFile> needed = listing.choose(model);
        List<RemoteFile> missing = repository.missing(listing.commit(), needed);
        if (!missing.isEmpty()) {
            new Transfer(http(), api, model, listing.commit(), repository)
                    .run(missing, check, progress);
        }
        remember(repository, model, listing);
        return repository.location(
                listing.commit(), needed.stream().map(RemoteFile::path).toList());
    }

    /**
     * Lists the models in the cache, including those that other programs downloaded.
     *
     * @return the models, sorted by name; empty if there is no cache
     * @throws IOException if the cache cannot be read
     */
    public List<CachedModel> list() throws IOException {
        return new CacheContents(settings.cache()).list();
    }

    /**
     * Removes a revision of a model from the cache, or only its GGUF file if it names one. Files
     * shared with another revision are kept. Removing the last revision removes the repository.
     *
     * @param model the model
     * @return number of bytes freed
     * @throws HubException if it is not in the cache
     * @throws IOException if a file cannot be deleted
     */
    public long remove(HubModel model) throws IOException {
        return new CacheContents(settings.cache()).remove(model);
    }

    /**
     * Removes a repository from the cache, including unfinished downloads.
     *
     * @param repository {@code owner/name}
     * @return number of bytes freed
     * @throws HubException if it is not in the cache
     * @throws IOException if a file cannot be deleted
     */
    public long removeAll(String repository) throws IOException {
        // HubModel validates the name
        return new CacheContents(settings.cache())
                .removeAll(new HubModel(repository, HubModel.MAIN).repository());
    }

    private CachedRepository repository(HubModel model) {
        return new CachedRepository(settings.cache(), model.repository());
    }

    /** Creates the HTTP client, which starts threads, only when it is needed. */
    private synchronized HubHttp http() {
        if (client == null) {
            client = new HubHttp(settings);
        }
        return client;
    }

    /** Only warns on failure: the cache may be read-only. */
    private static void remember(CachedRepository repository, HubModel model, Listing listing) {
        try {
            repository.remember(model, listing);
        } catch (IOException e) {
            LOGGER.warn("The cache cannot be updated: {}", e.toString());
        }
    }

    private HubException notCached(HubModel model) throws IOException {
        CachedRepository repository = repository(model);
        String missing = "";
        Optional<String> commit = repository.commit(model);
        Optional<Listing> listing = commit.flatMap(repository::listing);
        if (commit.isPresent() && listing.isPresent()) {
            // throws a better message if, for example, the GGUF file is not unique
            List<RemoteFile> needed = listing.get().choose(model);
            missing =
                    repository.missing(commit.get(), needed).stream()
                            .map(RemoteFile::path)
                            .collect(Collectors.joining(", ", "; missing: ", ""));
        }
        return new HubException(
                model.toString(),
                Files.isDirectory(repository.directory())
                        ? "offline mode is on (HF_HUB_OFFLINE), and this revision is incomplete in "
                                + repository.directory()
                                + missing
                        : "offline mode is on (HF_HUB_OFFLINE), and there is no "
                                + repository.directory(),
                "Download it with HF_HUB_OFFLINE unset, or set HF_HOME to the cache that has it");
    }
}
