/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.OutputOptions;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of {@code /v1/chat/completions}. */
class ChatCompletionsTest extends OpenAiFixture {

    private static final String SAMPLED = "'temperature': 1.5, 'max_tokens': 24, 'seed': 7";

    private static JsonObject choice(JsonObject answer, int index) {
        return answer.getAsJsonArray("choices").get(index).getAsJsonObject();
    }

    private static String content(JsonObject answer, int index) {
        return choice(answer, index).getAsJsonObject("message").get("content").getAsString();
    }

    private static String finishReason(JsonObject answer, int index) {
        return choice(answer, index).get("finish_reason").getAsString();
    }

    private static List<JsonObject> stream(String... fields) {
        return chunks(
                api::chatCompletions,
                chat(
                        Stream.concat(Stream.of("'stream': true"), Stream.of(fields))
                                .toArray(String[]::new)));
    }

    /** Returns what the stream says about a choice. */
    private static List<JsonObject> deltas(List<JsonObject> chunks, int index) {
        return chunks.stream()
                .flatMap(chunk -> chunk.getAsJsonArray("choices").asList().stream())
                .map(JsonElement::getAsJsonObject)
                .filter(choice -> choice.get("index").getAsInt() == index)
                .toList();
    }

    private static String streamed(List<JsonObject> chunks, int index) {
        StringBuilder text = new StringBuilder();
        for (JsonObject choice : deltas(chunks, index)) {
            JsonElement content = choice.getAsJsonObject("delta").get("content");
            text.append(content == null ? "" : content.getAsString());
        }
        return text.toString();
    }

    @Test
    void theAnswerHasTheShapeOfTheReference() {
        JsonObject answer = whole(chat());
        assertThat(answer.remove("id").getAsString()).startsWith("chatcmpl-");
        assertThat(answer.remove("created").getAsLong()).isGreaterThan(1_700_000_000);
        assertThat(answer)
                .isEqualTo(
                        json(
                                """
                                {"object": "chat.completion", "model": "tiny",
                                 "system_fingerprint": null,
                                 "choices": [{"index": 0, "message": {"role": "assistant",
                                    "content": "a tower with a light that gives warning of shoals to passing ships",
                                    "refusal": null},
                                  "logprobs": null, "finish_reason": "stop"}],
                                 "usage": {"prompt_tokens": 11, "completion_tokens": 18,
                                  "total_tokens": 29,
                                  "prompt_tokens_details": {"cached_tokens": 0}}}
                                """));
    }

    @Test
    void theStreamHasTheShapeOfTheReference() {
        List<JsonObject> chunks = stream("'max_tokens': 2");
        Set<JsonObject> headers = new HashSet<>();
        List<JsonElement> choices = new ArrayList<>();
        for (JsonObject chunk : chunks) {
            choices.addAll(chunk.remove("choices").getAsJsonArray().asList());
            headers.add(chunk);
        }
        assertThat(headers).hasSize(1);
        assertThat(headers.iterator().next().keySet())
                .containsExactlyInAnyOrder(
                        "id", "object", "created", "model", "system_fingerprint");
        assertThat(headers.iterator().next().get("object").getAsString())
                .isEqualTo("chat.completion.chunk");
        assertThat(choices.stream().map(JsonElement::toString))
                .containsExactly(
                        "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
                                + "\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}",
                        "{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":null,"
                                + "\"finish_reason\":null}",
                        "{\"index\":0,\"delta\":{\"content\":\" tower\"},\"logprobs\":null,"
                                + "\"finish_reason\":null}",
                        "{\"index\":0,\"delta\":{},\"logprobs\":null,"
                                + "\"finish_reason\":\"length\"}");
    }

    @Test
    void aStreamEndsWithTheUsageIfAsked() {
        List<JsonObject> chunks = stream("'stream_options': {'include_usage': true}");
        JsonObject last = chunks.get(chunks.size() - 1);
        assertThat(last.getAsJsonArray("choices")).isEmpty();
        assertThat(last.get("usage")).isEqualTo(whole(chat()).get("usage"));
        assertThat(chunks.subList(0, chunks.size() - 1))
                .allMatch(chunk -> chunk.get("usage").isJsonNull());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'max_tokens': 9",
                SAMPLED,
                SAMPLED + ", 'n': 3",
                SAMPLED + ", 'n': 2, 'stop': ['e', 'the ']",
                SAMPLED + ", 'logprobs': true, 'top_logprobs': 2",
                SAMPLED + ", 'presence_penalty': 1.5, 'frequency_penalty': -0.5, 'top_p': 0.9",
                "'response_format': {'type': 'regex', 'regex': '(é|日本|\uD83D\uDE42|a){12}'}"
            })
    void theStreamIsTheWholeAnswer(String fields) {
        JsonObject answer = whole(chat(fields));
        List<JsonObject> chunks = stream(fields);
        for (int i = 0; i < answer.getAsJsonArray("choices").size(); ++i) {
            assertThat(streamed(chunks, i)).isEqualTo(content(answer, i));
            List<JsonObject> deltas = deltas(chunks, i);
            assertThat(deltas.get(deltas.size() - 1).get("finish_reason").getAsString())
                    .isEqualTo(finishReason(answer, i));
            JsonArray logprobs = new JsonArray();
            deltas.stream()
                    .map(delta -> delta.get("logprobs"))
                    .filter(JsonElement::isJsonObject)
                    .forEach(
                            part ->
                                    logprobs.addAll(
                                            part.getAsJsonObject().getAsJsonArray("content")));
            JsonElement all = choice(answer, i).get("logprobs");
            assertThat((JsonElement) logprobs)
                    .isEqualTo(
                            all.isJsonNull()
                                    ? new JsonArray()
                                    : all.getAsJsonObject().get("content"));
        }
    }

    @Test
    void severalAnswersAreSampledFromOnePrompt() {
        JsonObject answer = whole(chat("'n': 4", "'seed': 3", "'temperature': 2"));
        assertThat(answer.getAsJsonArray("choices")).hasSize(4);
        assertThat(answer.getAsJsonObject("usage").get("prompt_tokens").getAsInt()).isEqualTo(11);
        Set<String> texts = new HashSet<>();
        for (int i = 0; i < 4; ++i) {
            assertThat(choice(answer, i).get("index").getAsInt()).isEqualTo(i);
            texts.add(content(answer, i));
        }
        assertThat(texts).hasSizeGreaterThan(1);
        assertThat(whole(chat("'n': 4", "'seed': 3", "'temperature': 2")).get("choices"))
                .isEqualTo(answer.get("choices"));
    }

    @Test
    void answersOfAStreamTakeTurns() {
        List<Integer> indices =
                stream(SAMPLED, "'n': 2").stream()
                        .flatMap(chunk -> chunk.getAsJsonArray("choices").asList().stream())
                        .map(choice -> choice.getAsJsonObject().get("index").getAsInt())
                        .toList();
        assertThat(indices.subList(0, 6)).containsExactly(0, 1, 0, 1, 0, 1);
    }

    @Test
    void theTextEndsBeforeAStopString() {
        JsonObject answer = whole(chat("'stop': ['of sho', 'none']"));
        assertThat(content(answer, 0)).isEqualTo("a tower with a light that gives warning ");
        assertThat(finishReason(answer, 0)).isEqualTo("stop");
        // within a token, and a beginning of a stop string that goes on otherwise
        assertThat(content(whole(chat("'stop': 'ower w'")), 0)).isEqualTo("a t");
        assertThat(streamed(stream("'stop': ['ships ahoy', 'tower without']"), 0))
                .isEqualTo(ANSWER);
    }

    @Test
    void logprobsAreThoseOfTheModel() {
        GenerationConfig config = pipeline.defaults().set(OutputOptions.TOP_LOGPROBS, 3).build();
        long[] prompt = pipeline.encode(List.of(Message.user("What is a lighthouse?")));
        GenerationResult result = pipeline.generator().generate(List.of(prompt), config);
        Sequence sequence = result.sequences().get(0);
        JsonArray content =
                choice(whole(chat("'logprobs': true, 'top_logprobs': 3")), 0)
                        .getAsJsonObject("logprobs")
                        .getAsJsonArray("content");
        // the end-of-sequence token is not part of the text
        assertThat(content).hasSize(sequence.generatedLength() - 1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < content.size(); ++i) {
            JsonObject token = content.get(i).getAsJsonObject();
            text.append(token.get("token").getAsString());
            assertThat(token.get("logprob").getAsFloat()).isEqualTo(sequence.logProbabilities()[i]);
            JsonArray bytes = token.getAsJsonArray("bytes");
            assertThat(bytes.asList().stream().map(JsonElement::getAsInt).toList())
                    .isEqualTo(unsigned(token.get("token").getAsString()));
            JsonArray top = token.getAsJsonArray("top_logprobs");
            assertThat(top).hasSize(3);
            for (int j = 0; j < 3; ++j) {
                assertThat(top.get(j).getAsJsonObject().get("logprob").getAsDouble())
                        .isCloseTo(
                                sequence.topLogProbabilities().get(i).get(j).logProbability(),
                                within(1e-6));
            }
        }
        assertThat(text).hasToString(ANSWER);
    }

    private static List<Integer> unsigned(String text) {
        List<Integer> bytes = new ArrayList<>();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            bytes.add(b & 0xFF);
        }
        return bytes;
    }

    @Test
    void aBiasForbidsAToken() {
        long tower = pipeline.tokenizer().encodePlain("a tower", false)[1];
        JsonObject answer = whole(chat("'logit_bias': {'" + tower + "': -100}"));
        assertThat(content(answer, 0)).doesNotContain("tower");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'type': 'json_schema', 'json_schema': {'name': 'n', 'strict': true, 'schema':"
                        + " {'type': 'object', 'properties': {'yes': {'type': 'boolean'}},"
                        + " 'required': ['yes'], 'additionalProperties': false}}}",
                "{'type': 'choice', 'choice': ['{\\'yes\\': true}', '{\\'yes\\': false}']}",
                "{'type': 'regex', 'regex': '\\\\{\\'yes\\': (true|false)\\\\}'}",
                "{'type': 'grammar', 'syntax': 'lark', 'definition':"
                        + " 'start: /\\\\{\\'yes\\': (true|false)\\\\}/'}"
            })
    void theAnswerHasTheResponseFormat(String format) {
        String text = content(whole(chat("'response_format': " + format)), 0);
        assertThat(json(text).keySet()).containsExactly("yes");
        assertThat(json(text).get("yes").getAsJsonPrimitive().isBoolean()).isTrue();
    }

    @Test
    void developersSpeakAsTheSystem() {
        String parts = "[{'type': 'text', 'text': 'What is'}, {'type': 'text', 'text': 'a fox?'}]";
        JsonObject developer =
                whole(
                        request(
                                "'messages': [{'role': 'developer', 'content': 'Be brief.'},"
                                        + " {'role': 'user', 'content': "
                                        + parts
                                        + "}]"));
        JsonObject system =
                whole(
                        request(
                                "'messages': [{'role': 'system', 'content': 'Be brief.'},"
                                        + " {'role': 'user', 'content': 'What is\\n\\na fox?'}]"));
        assertThat(developer.get("choices")).isEqualTo(system.get("choices"));
        assertThat(developer.get("usage")).isEqualTo(system.get("usage"));
    }

    @Test
    void beamsAreSearchedForWholeAnswersOnly() {
        assertThat(content(whole(chat("'num_beams': 3", "'n': 2")), 0)).isNotEmpty();
        assertThat(refused(api::chatCompletions, chat("'num_beams': 3", "'stream': true")).param())
                .isEqualTo("num_beams");
    }

    @Test
    void aCancelledAnswerEnds() {
        try (ApiAnswer answer = api.chatCompletions(chat("'stream': true"))) {
            assertThat(answer.next()).isNotNull();
            answer.cancel();
            answer.cancel();
            assertThatThrownBy(
                            () -> {
                                while (answer.next() != null) {}
                            })
                    .isInstanceOf(CancellationException.class);
            assertThat(answer.result().sequences().get(0).generatedLength()).isZero();
        }
        try (ApiAnswer answer = api.chatCompletions(chat())) {
            answer.cancel();
            assertThatThrownBy(answer::body).isInstanceOf(CancellationException.class);
        }
        assertThat(content(whole(chat()), 0)).isEqualTo(ANSWER);
    }
}
