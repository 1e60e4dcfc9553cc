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
 * The Hugging Face Hub, and the cache of what was downloaded from it.
 *
 * <pre>{@code
 * Path model = new Hub(HubSettings.fromEnvironment())
 *         .download(HubModel.parse("hf://mistralai/Mistral-7B-Instruct-v0.3"), new ProgressBar());
 * }</pre>
 *
 * <p>It may be used by several threads, and several processes may use the same cache.
 */
public final class Hub {

    private static final Logger LOGGER = LoggerFactory.getLogger(Hub.class);

    private final HubSettings settings;
    private @Nullable HubHttp client;

    /**
     * Nothing is asked or looked for yet.
     *
     * @param settings where the Hub and the cache are
     */
    public Hub(HubSettings settings) {
        this.settings = settings;
    }

    /**
     * Returns the settings.
     *
     * @return as they were given
     */
    public HubSettings settings() {
        return settings;
    }

    /**
     * Looks for a model in the cache, without the network.
     *
     * @param model the model
     * @return the directory of its snapshot, or of a GGUF model the file in it, as {@code
     *     Mistral.criteria(Path)} takes it; empty unless all that it needs is there
     * @throws IOException if the cache cannot be read
     */
    public Optional<Path> find(HubModel model) throws IOException {
        return repository(model).find(model);
    }

    /**
     * Returns a model from the cache, and first downloads what is missing there. A branch is asked
     * for anew each time; where the Hub cannot be reached, what is in the cache will do, if
     * complete.
     *
     * @param model the model
     * @param progress told of bytes: {@code reset(message, bytes in all)}, {@code start(bytes that
     *     were there)}, {@code update(bytes done, file)}, and when all is there {@code end()};
     *     never from two threads at once, and not at all if nothing is missing; or null
     * @return the directory of its snapshot, or of a GGUF model the file in it, as {@code
     *     Mistral.criteria(Path)} takes it
     * @throws HubException if it cannot be had; the message says why, and what to do
     * @throws java.io.InterruptedIOException if the thread is interrupted; what was fetched is kept
     *     for the next time
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
     * @param progress told of bytes as above, or null
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
            LOGGER.warn("What is in the cache is taken, because of: {}", e.getMessage());
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
     * Lists the cache, whoever downloaded what is in it.
     *
     * @return its models, sorted by name; empty if there is no cache
     * @throws IOException if the cache cannot be read
     */
    public List<CachedModel> list() throws IOException {
        return new CacheContents(settings.cache()).list();
    }

    /**
     * Removes a revision of a model from the cache, or if the model names a file, only that one.
     * Files that another revision shares stay; with the last revision goes all that is kept of the
     * repository.
     *
     * @param model the model
     * @return how many bytes are free again
     * @throws HubException if it is not in the cache
     * @throws IOException if a file cannot be deleted
     */
    public long remove(HubModel model) throws IOException {
        return new CacheContents(settings.cache()).remove(model);
    }

    /**
     * Removes all that the cache holds of a repository, unfinished downloads too.
     *
     * @param repository {@code owner/name}
     * @return how many bytes are free again
     * @throws HubException if nothing of it is in the cache
     * @throws IOException if a file cannot be deleted
     */
    public long removeAll(String repository) throws IOException {
        // the model's constructor checks the name
        return new CacheContents(settings.cache())
                .removeAll(new HubModel(repository, HubModel.MAIN).repository());
    }

    private CachedRepository repository(HubModel model) {
        return new CachedRepository(settings.cache(), model.repository());
    }

    /** A client is threads and a selector; who only looks into the cache needs none. */
    private synchronized HubHttp http() {
        if (client == null) {
            client = new HubHttp(settings);
        }
        return client;
    }

    /** The cache may be one that others fill and we only read. */
    private static void remember(CachedRepository repository, HubModel model, Listing listing) {
        try {
            repository.remember(model, listing);
        } catch (IOException e) {
            LOGGER.warn("The cache cannot be brought up to date: {}", e.toString());
        }
    }

    private HubException notCached(HubModel model) throws IOException {
        CachedRepository repository = repository(model);
        String lacks = "";
        Optional<String> commit = repository.commit(model);
        Optional<Listing> listing = commit.flatMap(repository::listing);
        if (commit.isPresent() && listing.isPresent()) {
            // this may itself say what is wrong: of several GGUF files none is named
            List<RemoteFile> needed = listing.get().choose(model);
            lacks =
                    repository.missing(commit.get(), needed).stream()
                            .map(RemoteFile::path)
                            .collect(Collectors.joining(", ", ": it lacks ", ""));
        }
        String looked = repository.directory().toString();
        return new HubException(
                model.toString(),
                Files.isDirectory(repository.directory())
                        ? "the Hub is not asked (HF_HUB_OFFLINE), and in "
                                + looked
                                + " this revision is not complete"
                                + lacks
                        : "the Hub is not asked (HF_HUB_OFFLINE), and there is no " + looked,
                "Download it once with HF_HUB_OFFLINE unset, or set HF_HOME to where it is");
    }
}
