/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.ApiException;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The API over the embedded model. */
abstract class OpenAiFixture {

    static final String QUESTION = "{\"role\": \"user\", \"content\": \"What is a lighthouse?\"}";
    static final String ANSWER =
            "a tower with a light that gives warning of shoals to passing ships";

    static ZooModel<NDList, NDList> model;
    static MistralPipeline pipeline;
    static OpenAi api;

    @BeforeAll
    static void load() throws Exception {
        model =
                Mistral.criteria(NDList.class, NDList.class)
                        .optArgument(
                                "prefix_cache_bytes", "0") // answers are those of a first request
                        .build()
                        .loadModel();
        pipeline = MistralPipeline.open(model);
        api = new OpenAi("tiny", pipeline, pipeline.defaults());
    }

    @AfterAll
    static void unload() {
        pipeline.close();
        model.close();
    }

    /** A chat request about {@link #QUESTION}, with further fields in single quotes. */
    static String chat(String... fields) {
        return request("'messages': [" + QUESTION + "]", fields);
    }

    /** A request; single quotes stand for double ones. */
    static String request(String first, String... fields) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(List.of(fields));
        return "{" + String.join(", ", all).replace('\'', '"') + "}";
    }

    static JsonObject json(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }

    static JsonObject whole(Function<String, ApiAnswer> endpoint, String request) {
        try (ApiAnswer answer = endpoint.apply(request)) {
            assertThat(answer.isStream()).isFalse();
            return json(answer.body());
        }
    }

    static JsonObject whole(String request) {
        return whole(api::chatCompletions, request);
    }

    static List<ServerSentEvent> events(Function<String, ApiAnswer> endpoint, String request) {
        try (ApiAnswer answer = endpoint.apply(request)) {
            assertThat(answer.isStream()).isTrue();
            List<ServerSentEvent> events = new ArrayList<>();
            for (ServerSentEvent event = answer.next(); event != null; event = answer.next()) {
                events.add(event);
            }
            return events;
        }
    }

    /** The chunks of a stream that ends with [DONE]. */
    static List<JsonObject> chunks(Function<String, ApiAnswer> endpoint, String request) {
        List<ServerSentEvent> events = events(endpoint, request);
        assertThat(events.get(events.size() - 1).data()).isEqualTo("[DONE]");
        return events.subList(0, events.size() - 1).stream()
                .map(event -> json(event.data()))
                .toList();
    }

    static ApiException refused(Function<String, ApiAnswer> endpoint, String request) {
        return catchThrowableOfType(
                ApiException.class,
                () -> {
                    try (ApiAnswer answer = endpoint.apply(request)) {
                        answer.cancel();
                    }
                });
    }
}
