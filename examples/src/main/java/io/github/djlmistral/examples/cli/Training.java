/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.repository.zoo.ModelNotFoundException;
import io.github.djlmistral.engine.training.TrainerResult;
import java.io.IOException;

/** A training by {@code mistral train}, with the model that it has loaded. */
interface Training extends AutoCloseable {

    /**
     * Trains, and saves the result unless it was interrupted.
     *
     * @return how training ended
     */
    TrainerResult run() throws IOException, ModelNotFoundException, MalformedModelException;

    @Override
    void close();
}
