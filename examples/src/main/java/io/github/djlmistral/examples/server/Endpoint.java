/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.zoo.openai.ApiException;
import java.io.IOException;

/** Answers the requests to a path. */
@FunctionalInterface
interface Endpoint {

    /**
     * Answers a request.
     *
     * @throws ApiException if the answer is an error
     * @throws IllegalArgumentException if the request is invalid, for an answer with status 400
     * @throws java.util.concurrent.RejectedExecutionException if there is too much work, for 429
     * @throws IOException if the client cannot be reached, which ends the connection
     */
    void answer(Call call) throws IOException;
}
