/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.cache;

import ai.djl.Device;
import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.nio.file.Path;

/**
 * KV cache of a sequence: the keys and values of its tokens, in every layer. A network creates it
 * with {@code newCache}; a forward pass that is given the cache extends it.
 *
 * <p>It grows with the sequence. If the model has a sliding window, it rolls: tokens that no later
 * token attends to are dropped (arXiv 2310.06825, section 2), so memory and time per token stay
 * constant however long the text gets.
 *
 * <p>Not thread-safe: a pass throws an {@link IllegalStateException} while another thread uses the
 * cache. Closing the cache, or the manager it was created with, waits for the pass under way.
 */
public interface KvCache extends AutoCloseable {

    /** Returns the number of tokens that were seen, including dropped ones. */
    int length();

    /**
     * Returns the ids of the tokens that were seen.
     *
     * @throws IllegalStateException if the pass of one of them was given embeddings instead
     */
    long[] ids();

    /** Returns the number of tokens at the beginning that were dropped. */
    int dropped();

    /**
     * Returns whether the network was not trained since the cache was created: whether later tokens
     * fit its keys and values.
     */
    boolean isCurrent();

    /** Returns the memory of keys and values in bytes. What forks share counts for each. */
    long bytes();

    /** Returns the data type of keys and values. */
    Dtype dtype();

    /** Returns the device of keys and values. */
    Device device();

    /**
     * Removes the newest tokens, as speculative decoding does with rejected ones.
     *
     * @param tokens the number of tokens to keep, from 0 to {@link #length()}
     * @throws IllegalArgumentException if it is out of this range
     * @throws IllegalStateException if tokens that would be attended to again were dropped, which
     *     is never the case for the last 128 tokens; or the cache is closed or used by another
     *     thread
     */
    void crop(int tokens);

    /**
     * Returns another cache with the same tokens, as beam search does. Memory is shared until one
     * of the two is extended.
     *
     * @return a cache that is closed with the same manager
     * @throws IllegalStateException if the cache is closed, or used by another thread
     */
    KvCache fork();

    /**
     * Saves the cache to a safetensors file, which {@code restoreCache} of a network of the same
     * model and kernels reads, in another process as well.
     *
     * @param file the file; an existing one is replaced
     * @throws IOException if the file cannot be written
     * @throws IllegalStateException as for {@link #ids} and {@link #fork}
     */
    void save(Path file) throws IOException;

    /** Frees the memory, at the end of the pass under way if there is one. */
    @Override
    void close();
}
