/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

/**
 * Creates an object that the users of a network share, see {@link
 * MistralPreTrainedModel#attachment}.
 *
 * @param <T> its type
 * @param <E> what is thrown if it cannot be created
 */
@FunctionalInterface
public interface AttachmentFactory<T, E extends Exception> {

    /** Returns a new attachment. */
    T create() throws E;
}
