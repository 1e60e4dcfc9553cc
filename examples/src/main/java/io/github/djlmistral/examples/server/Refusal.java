/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.zoo.openai.ApiException;
import org.jspecify.annotations.Nullable;

/** The errors of the server itself, in the form of OpenAI's API. */
final class Refusal {

    private static final String INVALID = "invalid_request_error";

    private Refusal() {}

    /** Returns an error that is the client's fault. */
    static ApiException of(int status, String message) {
        return new ApiException(status, INVALID, null, null, message, null);
    }

    /** Returns the error for a field that is wrong. */
    static ApiException invalid(@Nullable String param, String message) {
        return new ApiException(400, INVALID, param, "invalid_value", message, null);
    }

    static ApiException unauthorized() {
        return new ApiException(
                401,
                INVALID,
                null,
                "invalid_api_key",
                "the API key is missing or wrong: send it in the header Authorization: Bearer KEY",
                null);
    }

    static ApiException tooLarge(int limit) {
        return of(413, "the body is larger than " + limit + " bytes: shorten it");
    }

    static ApiException busy(int limit) {
        return new ApiException(
                429,
                "rate_limit_error",
                null,
                "rate_limit_exceeded",
                "the server works on " + limit + " requests, its limit: try again in a moment",
                null);
    }

    static ApiException stopping() {
        return new ApiException(503, "server_error", null, null, "the server is stopping", null);
    }

    static ApiException internal(Throwable cause) {
        return new ApiException(
                500,
                "server_error",
                null,
                null,
                "the request failed; the server's log says why",
                cause);
    }
}
