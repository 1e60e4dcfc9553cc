/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

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
@SuppressWarnings("DoNotCallSuggester")
public final class Hub {

    private final HubSettings settings;

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
        throw new UnsupportedOperationException();
    }

    /**
     * Returns a model from the cache, and first downloads what is missing there. A branch is asked
     * for anew each time; where the Hub cannot be reached, what is in the cache will do, if
     * complete.
     *
     * @param model the model
     * @param progress told of bytes: {@code reset(message, bytes in all)}, {@code start(bytes that
     *     were there)}, {@code update(bytes done, file)}, {@code end()}, never from two threads at
     *     once, and not at all if nothing is missing; or null
     * @return the directory of its snapshot, or of a GGUF model the file in it, as {@code
     *     Mistral.criteria(Path)} takes it
     * @throws HubException if it cannot be had; the message says why, and what to do
     * @throws java.io.InterruptedIOException if the thread is interrupted; what was fetched is kept
     *     for the next time
     * @throws IOException if the cache cannot be read or written
     */
    public Path download(HubModel model, @Nullable Progress progress) throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Lists the cache, whoever downloaded what is in it.
     *
     * @return its models, sorted by name; empty if there is no cache
     * @throws IOException if the cache cannot be read
     */
    public List<CachedModel> list() throws IOException {
        throw new UnsupportedOperationException();
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
        throw new UnsupportedOperationException();
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
        throw new UnsupportedOperationException();
    }
}
