/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.List;

/**
 * The keys and values of one sequence in all layers, in the layout of the kernels that created
 * them. They grow with the sequence. If the model has a sliding window, tokens that no later token
 * attends to are dropped, except for {@value #STEP_BACK} that a {@link #crop} may need again.
 *
 * <p>Not thread-safe. Forks may be used by different threads.
 */
public interface KeyValues extends AutoCloseable {

    /** The number of tokens that can be removed from a sequence with a sliding window. */
    int STEP_BACK = 128;

    /** Returns the number of tokens of the sequence, including dropped ones. */
    int length();

    /** Returns the number of tokens at the beginning of the sequence that were dropped. */
    int dropped();

    /**
     * Makes room for a pass, which writes the keys and values of the next tokens. Until {@link
     * #advance} the pass can be repeated.
     *
     * @param tokens the number of tokens, at least 1
     */
    void reserve(int tokens);

    /**
     * Adds the tokens of a pass that has succeeded.
     *
     * @param tokens the number of tokens
     */
    void advance(int tokens);

    /**
     * Removes the newest tokens.
     *
     * @param tokens the number of tokens to keep, from 0 to {@link #length()}
     */
    void crop(int tokens);

    /**
     * Returns a copy. Memory is shared until one of the two writes to it.
     *
     * @param manager the manager for arrays of the copy, which has their device
     */
    KeyValues fork(NDManager manager);

    /**
     * Returns the arrays of keys and values, in a layout of the kernels, which {@link #restore}
     * reads.
     *
     * @param manager the manager of the arrays; those of 16 bits have the type float16
     */
    NDList arrays(NDManager manager);

    /**
     * Takes over the tokens of another cache of the same model, kernels and data type.
     *
     * @param dropped its {@link #dropped}
     * @param length its {@link #length}
     * @param arrays its {@link #arrays}, with its data type
     */
    void restore(int dropped, int length, List<Tensor> arrays);

    /** Returns the memory in bytes. Memory that is shared counts for each fork. */
    long bytes();

    /** Frees the memory that is not shared. */
    @Override
    void close();
}
