/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/** OpenAI's API over HTTP. */
final class OpenAiEndpoints {

    private static final String MODELS = "/v1/models";

    private final OpenAi api;

    /** One at a time: each is computed by all processors, but not together with others. */
    private final ReentrantLock embedding = new ReentrantLock();

    OpenAiEndpoints(OpenAi api) {
        this.api = api;
    }

    void addTo(Router router) {
        router.post("/v1/chat/completions", call -> answer(call, api::chatCompletions));
        router.post("/v1/completions", call -> answer(call, api::completions));
        router.post("/v1/responses", call -> answer(call, api::responses));
        router.post("/v1/embeddings", this::embeddings);
        router.get(MODELS, call -> call.sendJson(200, api.models()));
        router.get(MODELS + "/", this::model);
    }

    private void model(Call call) throws IOException {
        // decoded, as names of models have slashes
        String path = URI.create(call.path()).getPath();
        call.sendJson(200, api.model(path.substring(MODELS.length() + 1)));
    }

    private void embeddings(Call call) throws IOException {
        String request = call.body();
        call.sendJson(
                () -> {
                    embedding.lock();
                    try {
                        return api.embeddings(request);
                    } finally {
                        embedding.unlock();
                    }
                });
    }

    private static void answer(Call call, Function<String, ApiAnswer> start) throws IOException {
        try (ApiAnswer answer = start.apply(call.body())) {
            call.onCancel(answer::cancel);
            try {
                if (answer.isStream()) {
                    stream(call, answer);
                } else {
                    call.sendJson(answer::body);
                }
            } finally {
                GenerationResult result = answer.result();
                int generated =
                        result.sequences().stream().mapToInt(Sequence::generatedLength).sum();
                call.tokens(result.promptTokens(), generated);
            }
        }
    }

    private static void stream(Call call, ApiAnswer answer) throws IOException {
        try (EventStream events = call.events()) {
            ServerSentEvent event = answer.next();
            while (event != null) {
                events.send(event.text());
                event = answer.next();
            }
        }
    }
}
