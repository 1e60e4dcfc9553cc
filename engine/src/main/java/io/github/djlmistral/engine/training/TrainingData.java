/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/**
 * Training examples that can be read in any order, also by several threads.
 *
 * @param <E> the type of an example
 */
public interface TrainingData<E> {

    /**
     * Returns the number of examples.
     *
     * @return the number, positive
     */
    int size();

    /**
     * Returns an example.
     *
     * @param index its index
     * @return the example
     */
    E get(int index);

    /**
     * Names an example in messages.
     *
     * @param index its index
     * @return for example the file and the line that it is from
     */
    default String name(int index) {
        return "example " + index;
    }
}
