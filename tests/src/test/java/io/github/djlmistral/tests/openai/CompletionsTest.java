/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of {@code /v1/completions}. */
class CompletionsTest extends OpenAiFixture {

    private static JsonObject complete(String prompt, String... fields) {
        return whole(api::completions, request("'max_tokens': 5, 'prompt': " + prompt, fields));
    }

    private static String text(JsonObject answer, int index) {
        return choice(answer, index).get("text").getAsString();
    }

    private static JsonObject choice(JsonObject answer, int index) {
        return answer.getAsJsonArray("choices").get(index).getAsJsonObject();
    }

    @Test
    void theAnswerHasTheShapeOfTheReference() {
        JsonObject answer = complete("'a light'");
        assertThat(answer.remove("id").getAsString()).startsWith("cmpl-");
        assertThat(answer.remove("created").getAsLong()).isGreaterThan(1_700_000_000);
        String text = text(answer, 0);
        assertThat(text).isNotEmpty();
        JsonObject usage = answer.remove("usage").getAsJsonObject();
        assertThat(usage.get("completion_tokens").getAsInt()).isEqualTo(5);
        assertThat(usage.get("total_tokens").getAsInt())
                .isEqualTo(usage.get("prompt_tokens").getAsInt() + 5);
        choice(answer, 0).remove("text");
        assertThat(answer)
                .isEqualTo(
                        json(
                                """
                                {"object": "text_completion", "model": "tiny",
                                 "system_fingerprint": null,
                                 "choices": [{"index": 0, "logprobs": null,
                                  "finish_reason": "length"}]}
                                """));
    }

    @Test
    void promptsOfTextAndOfTokens() {
        String ids = Arrays.toString(pipeline.complete("a fox"));
        JsonObject both = complete("['a tower', 'a fox']");
        assertThat(text(both, 0)).isEqualTo(text(complete("'a tower'"), 0));
        assertThat(text(both, 1)).isEqualTo(text(complete("'a fox'"), 0));
        assertThat(text(complete(ids), 0)).isEqualTo(text(both, 1));
        assertThat(text(complete("[" + ids + "]"), 0)).isEqualTo(text(both, 1));
    }

    @Test
    void choicesOfAPromptFollowEachOther() {
        JsonObject answer = complete("['a tower', 'a fox']", "'n': 2", "'seed': 1", "'echo': true");
        List<String> begins =
                answer.getAsJsonArray("choices").asList().stream()
                        .map(choice -> choice.getAsJsonObject().get("text").getAsString())
                        .map(text -> text.startsWith("a fox") ? "a fox" : text.substring(0, 7))
                        .toList();
        assertThat(begins).containsExactly("a tower", "a tower", "a fox", "a fox");
    }

    @Test
    void logprobsHaveTheOffsetsOfTheirTokens() {
        JsonObject choice = choice(complete("'a light'", "'logprobs': 2"), 0);
        JsonObject logprobs = choice.getAsJsonObject("logprobs");
        JsonArray tokens = logprobs.getAsJsonArray("tokens");
        String text = choice.get("text").getAsString();
        assertThat(tokens).hasSize(5);
        for (int i = 0; i < tokens.size(); ++i) {
            String token = tokens.get(i).getAsString();
            int offset = logprobs.getAsJsonArray("text_offset").get(i).getAsInt();
            assertThat(text.substring(offset)).startsWith(token);
            JsonObject top = logprobs.getAsJsonArray("top_logprobs").get(i).getAsJsonObject();
            assertThat(top.size()).isBetween(1, 3);
            assertThat(top.get(token)).isEqualTo(logprobs.getAsJsonArray("token_logprobs").get(i));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"'n': 1", "'echo': true", "'n': 2, 'seed': 4, 'temperature': 1.5"})
    void theStreamIsTheWholeAnswer(String fields) {
        JsonObject answer = complete("['a tower', 'a fox']", fields);
        StringBuilder[] texts = new StringBuilder[4];
        Arrays.setAll(texts, i -> new StringBuilder());
        for (JsonObject chunk :
                chunks(
                        api::completions,
                        request(
                                "'prompt': ['a tower', 'a fox'], 'max_tokens': 5, 'stream': true",
                                fields))) {
            assertThat(chunk.get("object").getAsString()).isEqualTo("text_completion");
            for (JsonElement choice : chunk.getAsJsonArray("choices")) {
                texts[choice.getAsJsonObject().get("index").getAsInt()].append(
                        choice.getAsJsonObject().get("text").getAsString());
            }
        }
        for (int i = 0; i < answer.getAsJsonArray("choices").size(); ++i) {
            assertThat(texts[i]).hasToString(text(answer, i));
        }
    }
}
