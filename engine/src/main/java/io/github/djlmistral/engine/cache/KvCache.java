/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.cache;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.weights.Dtype;

/**
 * KV cache: the keys and values of the tokens that a generation has seen, in every layer. A network
 * allocates it with {@code newCache}; a forward pass that is given the cache extends it.
 *
 * <p>A <em>full</em> cache has room for every token. A <em>rolling</em> cache has as many slots as
 * the model's sliding window has tokens, so memory and time per token stay constant however long
 * the text gets; a slot is overwritten once no later token attends to it (arXiv 2310.06825, section
 * 2).
 *
 * <p>Not thread-safe, and made for one generation: a pass throws an {@link IllegalStateException}
 * while another thread uses the cache. Closing the cache, or the manager it was allocated with,
 * waits for the pass under way.
 */
public interface KvCache extends AutoCloseable {

    /** Returns the number of tokens that were seen, including overwritten ones. */
    int length();

    /** Returns the maximum number of tokens that are kept. */
    int capacity();

    /** Returns whether new tokens overwrite old ones. */
    boolean rolling();

    /** Returns the batch size B. */
    int batch();

    /** Returns the number of layers. */
    int layers();

    /** Returns the shape of the keys of a layer, and of its values: (B, G, capacity, D). */
    Shape shape();

    /** Returns the data type of keys and values. */
    Dtype dtype();

    /** Returns the device of keys and values. */
    Device device();

    /**
     * Reorders the rows of the batch, as beam search does between two tokens.
     *
     * @param rows for each new row, the old row that it continues; B values from 0 to B - 1
     * @throws IllegalArgumentException if there are more or fewer rows, or one does not exist
     * @throws IllegalStateException if the cache is closed, or used by another thread
     */
    void reorder(int[] rows);

    /**
     * Removes the newest tokens, as speculative decoding does with rejected ones.
     *
     * @param tokens the number of tokens to keep, from 0 to {@link #length()}
     * @throws IllegalArgumentException if it is out of this range
     * @throws IllegalStateException if a rolling cache has overwritten tokens that would be
     *     attended to again, or the cache is closed or used by another thread
     */
    void crop(int tokens);

    /** Frees the memory, at the end of the pass under way if there is one. */
    @Override
    void close();
}
