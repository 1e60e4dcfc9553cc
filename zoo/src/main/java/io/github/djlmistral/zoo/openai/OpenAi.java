/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.internal.Quote;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * OpenAI's API over one model. Requests are the JSON bodies of its HTTP API; each of their fields
 * is honoured, or refused by an {@link ApiException} that names it. Thread-safe.
 *
 * <p>Besides OpenAI's fields, requests take the options of {@link GenerationConfig} under their
 * names, {@code adapter}, and the types of {@code response_format} of {@link
 * io.github.djlmistral.engine.constraint.ResponseFormat}. Options that a request leaves open are
 * the model's: so it is greedy decoding that answers a request without {@code temperature}, unless
 * the model's options say otherwise, and {@code max_new_tokens} that ends it.
 *
 * <pre>{@code
 * OpenAi api = new OpenAi("mistral", pipeline, pipeline.defaults());
 * try (ApiAnswer answer = api.chatCompletions(body)) {
 *     System.out.println(answer.body());
 * }
 * }</pre>
 */
public final class OpenAi {

    private final String name;
    private final @Nullable ServedModel model;
    private final GenerationConfig.Builder defaults;
    private final @Nullable EmbeddingModel embeddings;
    private final long created = System.currentTimeMillis() / 1000;

    /**
     * Makes the API of a model.
     *
     * @param name the model's name in requests, which may leave it out
     * @param model the model, which stays open
     * @param defaults options of requests that do not give them
     */
    public OpenAi(String name, ServedModel model, GenerationConfig.Builder defaults) {
        this(name, model, defaults, null);
    }

    /**
     * Makes the API of a model that can embed.
     *
     * @param name the model's name in requests, which may leave it out
     * @param model generates text; null if the model does not
     * @param defaults options of requests that do not give them
     * @param embeddings embeds texts; null if there are no embeddings
     */
    public OpenAi(
            String name,
            @Nullable ServedModel model,
            GenerationConfig.Builder defaults,
            @Nullable EmbeddingModel embeddings) {
        this.name = name;
        this.model = model;
        this.defaults = defaults.copy();
        this.embeddings = embeddings;
    }

    /**
     * Answers {@code POST /v1/chat/completions}.
     *
     * @param body the request
     * @return the answer, to be closed
     * @throws ApiException if the request is refused
     */
    public ApiAnswer chatCompletions(String body) {
        return answer(() -> ChatRequest.parse(Fields.parse(body)).start(this));
    }

    /**
     * Answers {@code POST /v1/completions}.
     *
     * @param body the request
     * @return the answer, to be closed
     * @throws ApiException if the request is refused
     */
    public ApiAnswer completions(String body) {
        return answer(() -> CompletionRequest.parse(Fields.parse(body)).start(this));
    }

    /**
     * Answers {@code POST /v1/responses}.
     *
     * @param body the request
     * @return the answer, to be closed
     * @throws ApiException if the request is refused
     */
    public ApiAnswer responses(String body) {
        return answer(() -> ResponsesRequest.parse(Fields.parse(body)).start(this));
    }

    /**
     * Answers {@code POST /v1/embeddings}.
     *
     * @param body the request
     * @return a JSON object
     * @throws ApiException if the request is refused, or the model failed
     */
    public String embeddings(String body) {
        return answer(
                () -> {
                    EmbeddingRequest request = EmbeddingRequest.parse(Fields.parse(body));
                    String id = Objects.requireNonNullElse(request.model(), name);
                    requireKnown(id);
                    if (embeddings == null || !id.equals(name)) {
                        throw Fields.unsupported("model", "the model " + id + " has no embeddings");
                    }
                    return Json.text(request.answer(id, embeddings));
                });
    }

    /**
     * Answers {@code GET /v1/models}: the model, and its adapters, which may be chosen as models.
     *
     * @return a JSON object
     */
    public String models() {
        JsonArray data = new JsonArray();
        names().forEach(id -> data.add(described(id)));
        return Json.text(Json.object("object", "list", "data", data));
    }

    /**
     * Answers {@code GET /v1/models/{model}}.
     *
     * @param id the name of a model
     * @return a JSON object
     * @throws ApiException with status 404 if there is no such model
     */
    public String model(String id) {
        requireKnown(id);
        return Json.text(described(id));
    }

    private JsonObject described(String id) {
        return Json.object(
                "id", id, "object", "model", "created", created, "owned_by", "djl-mistral");
    }

    private List<String> names() {
        List<String> names = new ArrayList<>();
        names.add(name);
        if (model != null) {
            names.addAll(model.adapters());
        }
        return names;
    }

    private void requireKnown(String id) {
        if (!names().contains(id)) {
            throw new ApiException(
                    404,
                    "invalid_request_error",
                    "model",
                    "model_not_found",
                    "the model " + Quote.of(id) + " does not exist; there is " + names(),
                    null);
        }
    }

    private static <T> T answer(Supplier<T> start) {
        try {
            return start.get();
        } catch (RuntimeException e) {
            throw ApiException.of(e);
        }
    }

    /** Calls something that throws IllegalArgumentException if a field is wrong. */
    static <T> T named(String param, Supplier<T> call) {
        try {
            return call.get();
        } catch (ApiException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid(param, "invalid_value", String.valueOf(e.getMessage()), e);
        }
    }

    /** The model that a request chooses, under the name that it has in the answer. */
    record Chosen(String name, ServedModel model) {}

    /** Returns the model of a request, which may choose an adapter by either field. */
    Chosen choose(@Nullable String id, @Nullable String adapter) {
        if (id != null) {
            requireKnown(id);
        }
        ServedModel base = model;
        if (base == null) {
            throw Fields.unsupported(
                    "model",
                    "the model "
                            + name
                            + " generates no text, it only embeds: send texts to /v1/embeddings, or"
                            + " serve a causal language model");
        }
        String chosen = adapter != null ? adapter : id == null || id.equals(name) ? null : id;
        if (adapter != null && id != null && !id.equals(name) && !id.equals(adapter)) {
            throw ApiException.invalid(
                    "adapter", "model and adapter name different adapters: give one of the two");
        }
        if (chosen == null) {
            return new Chosen(name, base);
        }
        return new Chosen(id == null ? name : id, named("adapter", () -> base.adapter(chosen)));
    }

    /**
     * Starts an answer.
     *
     * @param chosen the model
     * @param param the field of the prompts
     * @param prompts token ids
     * @param options the options
     * @param tools offers tools and returns whether the answer may have calls
     * @param stream whether it is streamed
     * @param format the shapes of the answer
     */
    ApiAnswer start(
            ServedModel chosen,
            String param,
            List<long[]> prompts,
            OptionFields options,
            Predicate<GenerationConfig.Builder> tools,
            boolean stream,
            AnswerFormat format) {
        int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
        requireRoom(chosen, param, longest);
        GenerationConfig.Builder builder = options.over(defaults);
        boolean calls = options.named("tools", () -> tools.test(builder));
        GenerationConfig config = options.complete(builder, defaults, chosen, longest);
        int beams = config.get(BeamOptions.NUM_BEAMS);
        if (stream && beams > 1) {
            throw Fields.unsupported(
                    "num_beams",
                    "num_beams is "
                            + beams
                            + ": beam search cannot be streamed, as it decides on the text only at"
                            + " its end");
        }
        int count = prompts.size() * options.count();
        List<Choice> choices = new ArrayList<>();
        for (int index = 0; index < count; ++index) {
            choices.add(new Choice(index, chosen.newReader(calls), config.stopStrings()));
        }
        Generation generation = chosen.start(prompts, config);
        int tokens = prompts.stream().mapToInt(prompt -> prompt.length).sum();
        return new ApiAnswer(generation, choices, format, tokens, stream);
    }

    private static void requireRoom(ServedModel model, String param, int tokens) {
        int most =
                Math.min(
                        Math.min(model.maxPositions(), model.limits().maxTotalTokens()) - 1,
                        model.limits().maxInputTokens());
        if (tokens > most) {
            throw ApiException.invalid(
                    param,
                    "context_length_exceeded",
                    "the prompt has "
                            + tokens
                            + " tokens, the model takes "
                            + most
                            + ": shorten it",
                    null);
        }
    }
}
