/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.Token;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shape {@code text_completion}, of which a stream has several. */
final class CompletionFormat implements AnswerFormat {

    private static final String OBJECT = "text_completion";

    private final AnswerHeader header;
    private final List<String> echoes;
    private final @Nullable Logprobs logprobs;
    private final Chunks chunks;

    /**
     * Makes a format.
     *
     * @param header what all answers have in common
     * @param echoes what precedes the text of each choice; may be empty
     * @param logprobs null if they are not asked for
     * @param includesUsage whether a stream ends with the usage
     */
    CompletionFormat(
            AnswerHeader header,
            List<String> echoes,
            @Nullable Logprobs logprobs,
            boolean includesUsage) {
        this.header = header;
        this.echoes = echoes;
        this.logprobs = logprobs;
        chunks = new Chunks(header, OBJECT, includesUsage);
    }

    @Override
    public JsonObject whole(List<Choice> choices, Usage usage) {
        JsonArray array = new JsonArray();
        for (Choice choice : choices) {
            array.add(
                    choice(
                            choice.index(),
                            echoes.get(choice.index()) + choice.text(),
                            choice.tokens(),
                            choice.finishReason()));
        }
        JsonObject answer = header.json(OBJECT);
        answer.add("choices", array);
        answer.add("usage", usage.json());
        return answer;
    }

    private JsonObject choice(
            int index, String text, List<TextToken> tokens, @Nullable String finishReason) {
        return Json.object(
                "index", index,
                "text", text,
                "logprobs", logprobs == null ? null : logprobs(logprobs, tokens),
                "finish_reason", finishReason);
    }

    private static JsonObject logprobs(Logprobs logprobs, List<TextToken> tokens) {
        List<String> texts = new ArrayList<>();
        List<Float> values = new ArrayList<>();
        List<Integer> offsets = new ArrayList<>();
        List<JsonObject> tops = new ArrayList<>();
        for (TextToken piece : tokens) {
            Token token = piece.token();
            boolean begins = piece.start() == 0;
            JsonObject top = new JsonObject();
            token.topLogProbabilities()
                    .forEach(
                            other ->
                                    top.addProperty(
                                            logprobs.text(other.id(), begins),
                                            Logprobs.finite(other.logProbability())));
            String text = logprobs.text(token.id(), begins);
            top.addProperty(text, Logprobs.finite(token.logProbability()));
            texts.add(text);
            values.add(Logprobs.finite(token.logProbability()));
            offsets.add(piece.start());
            tops.add(top);
        }
        return Json.object(
                "tokens", texts,
                "token_logprobs", values,
                "top_logprobs", tops,
                "text_offset", offsets);
    }

    @Override
    public List<ServerSentEvent> begin() {
        List<ServerSentEvent> events = new ArrayList<>();
        for (int index = 0; index < echoes.size(); ++index) {
            if (!echoes.get(index).isEmpty()) {
                events.add(chunks.of(choice(index, echoes.get(index), List.of(), null)));
            }
        }
        return events;
    }

    @Override
    public List<ServerSentEvent> next(Choice choice, Delta delta) {
        return List.of(
                chunks.of(
                        choice(
                                choice.index(),
                                delta.text(),
                                delta.tokens(),
                                delta.finishReason())));
    }

    @Override
    public List<ServerSentEvent> end(List<Choice> choices, Usage usage) {
        return chunks.end(usage);
    }

    @Override
    public ServerSentEvent failure(ApiException failure) {
        return new ServerSentEvent(null, failure.toJson());
    }
}
