/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonObject;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** A request that cannot be answered, with OpenAI's error object and the status code of HTTP. */
public final class ApiException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final String INVALID = "invalid_request_error";

    private final int status;
    private final String type;
    private final @Nullable String param;
    private final @Nullable String code;

    /**
     * Makes an exception.
     *
     * @param status the status code of HTTP
     * @param type OpenAI's kind of error, such as {@code invalid_request_error}
     * @param param the field of the request that is wrong; null if it is none in particular
     * @param code a name for programs, such as {@code context_length_exceeded}; may be null
     * @param message what is wrong and how to correct it
     * @param cause the cause, if any
     */
    public ApiException(
            int status,
            String type,
            @Nullable String param,
            @Nullable String code,
            String message,
            @Nullable Throwable cause) {
        super(message, cause);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
    }

    /**
     * Returns the exception for a failure of the model.
     *
     * @param failure an exception of this zoo
     * @return itself if it is of this class; status 400 for an argument that is wrong, 429 if too
     *     many requests are running, else 500 without a message of ours, as it is meant for whoever
     *     runs the model
     */
    public static ApiException of(RuntimeException failure) {
        if (failure instanceof ApiException known) {
            return known;
        }
        String message = String.valueOf(failure.getMessage());
        if (failure instanceof IllegalArgumentException) {
            return new ApiException(400, INVALID, null, null, message, failure);
        }
        if (failure instanceof RejectedExecutionException) {
            return new ApiException(
                    429, "rate_limit_error", null, "rate_limit_exceeded", message, failure);
        }
        return new ApiException(
                500, "server_error", null, null, "the model failed: see its log", failure);
    }

    /** Returns the exception for a field that is wrong. */
    static ApiException invalid(@Nullable String param, String message) {
        return invalid(param, "invalid_value", message, null);
    }

    static ApiException invalid(
            @Nullable String param, String code, String message, @Nullable Throwable cause) {
        return new ApiException(400, INVALID, param, code, message, cause);
    }

    /** Returns the status code of HTTP. */
    public int status() {
        return status;
    }

    /** Returns OpenAI's kind of error. */
    public String type() {
        return type;
    }

    /** Returns the field of the request that is wrong; null if it is none in particular. */
    public @Nullable String param() {
        return param;
    }

    /** Returns a name for programs; may be null. */
    public @Nullable String code() {
        return code;
    }

    /** Returns OpenAI's error object: {@code {"error": {"message": ..}}}. */
    public String toJson() {
        return Json.text(Json.object("error", error()));
    }

    JsonObject error() {
        return Json.object("message", getMessage(), "type", type, "param", param, "code", code);
    }
}
