/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.ApiException;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** DJL Serving's requests in OpenAI's JSON: of chat, or of completions if they have a prompt. */
final class ServingApi {

    private static final Logger LOGGER = LoggerFactory.getLogger(ServingApi.class);

    private static final String JSON = "application/json";
    private static final String EVENTS = "text/event-stream";

    private final OpenAi api;

    /** A request that {@link #takes} accepts. */
    record Call(Input input, JsonObject body) {}

    ServingApi(OpenAi api) {
        this.api = api;
    }

    /**
     * Returns whether a request is in OpenAI's JSON: has {@code messages} or {@code prompt}; with
     * {@code parameters} it is one to LMI.
     */
    static boolean takes(JsonObject json) {
        return !json.has("parameters")
                && !json.has("inputs")
                && (isGiven(json, "messages") || isGiven(json, "prompt"));
    }

    private static boolean isGiven(JsonObject json, String name) {
        return StrictJson.get(json, name) != null;
    }

    private ApiAnswer start(Call call) {
        call.body.remove("model"); // chosen by the server
        String body = call.body.toString();
        return isGiven(call.body, "messages") ? api.chatCompletions(body) : api.completions(body);
    }

    /**
     * Answers requests, which run at the same time. A request that is refused has OpenAI's error
     * object as its output, so that the others of its batch are answered.
     */
    List<Output> answer(List<Call> calls) {
        List<CompletableFuture<Output>> outputs = new ArrayList<>();
        for (Call call : calls) {
            outputs.add(
                    calls.size() == 1
                            ? CompletableFuture.completedFuture(answer(call))
                            : CompletableFuture.supplyAsync(
                                    () -> answer(call), ServingApi::runAside));
        }
        return outputs.stream().map(CompletableFuture::join).toList();
    }

    private static void runAside(Runnable task) {
        Thread thread = new Thread(task, "mistral-serving");
        thread.setDaemon(true);
        thread.start();
    }

    /** Answers a request; a stream at once, by an output whose content is still to come. */
    private Output answer(Call call) {
        ApiAnswer answer;
        try {
            answer = start(call);
        } catch (ApiException e) {
            return refusal(e);
        }
        if (answer.isStream()) {
            Events events = new Events(call.input, answer, () -> {});
            ServingStream stream = new ServingStream(events, EVENTS);
            Output output = stream.buildAsyncOutput();
            runAside(() -> publish(stream, output));
            return output;
        }
        try (answer) {
            return output(200, "OK", answer.body());
        } catch (ApiException e) {
            return refusal(e);
        } catch (CancellationException e) {
            return refusal(cancelled(e));
        }
    }

    private static void publish(ServingStream stream, Output output) {
        try {
            stream.computeAsyncOutputInternal(output);
        } catch (RuntimeException e) { // as when nobody subscribes; the subscriber knows of it
            LOGGER.debug("a stream has ended early", e);
        }
    }

    /**
     * Starts a stream. If the request asks for none, it has one piece, the whole answer.
     *
     * @param call the request
     * @param onClose called at the end of the stream
     * @throws ApiException if the request is refused
     */
    ServingStream stream(Call call, Runnable onClose) {
        ApiAnswer answer = start(call);
        Events events = new Events(call.input, answer, onClose);
        return new ServingStream(events, answer.isStream() ? EVENTS : JSON);
    }

    private static Output refusal(ApiException e) {
        return output(e.status(), String.valueOf(e.getMessage()), e.toJson());
    }

    private static ApiException cancelled(CancellationException cause) {
        return new ApiException(
                503,
                "server_error",
                null,
                null,
                "the answer was cancelled, as the model was closed",
                cause);
    }

    private static Output output(int status, String message, String json) {
        Output output = new Output(status, message);
        output.addProperty("Content-Type", JSON);
        output.add(BytesSupplier.wrap(json));
        return output;
    }

    /** The lines of the events of an answer, which is cancelled with its input. */
    private static final class Events implements ServingStream.Pieces {

        private final Input input;
        private final ApiAnswer answer;
        private final Runnable onClose;
        private final AtomicBoolean closed = new AtomicBoolean();
        private @Nullable String next;
        private boolean ended;

        Events(Input input, ApiAnswer answer, Runnable onClose) {
            this.input = input;
            this.answer = answer;
            this.onClose = onClose;
        }

        @Override
        public boolean hasNext() {
            if (next == null && !ended) {
                next = advance();
                ended |= next == null || !answer.isStream();
                if (ended) {
                    close();
                }
            }
            return next != null;
        }

        private @Nullable String advance() {
            if (input.isCancelled()) {
                answer.cancel();
            }
            try {
                if (!answer.isStream()) {
                    return answer.body();
                }
                ServerSentEvent event = answer.next();
                return event == null ? null : event.text();
            } catch (ApiException e) {
                ended = true;
                return answer.isStream() ? answer.failure(e).text() : e.toJson();
            } catch (CancellationException e) {
                ended = true;
                close();
                throw e;
            }
        }

        @Override
        public String next() {
            String piece = hasNext() ? next : null;
            next = null;
            if (piece == null) {
                throw new NoSuchElementException("the stream has ended");
            }
            return piece;
        }

        @Override
        public void close() {
            if (!closed.getAndSet(true)) {
                try {
                    answer.close();
                } finally {
                    onClose.run();
                }
            }
        }
    }
}
