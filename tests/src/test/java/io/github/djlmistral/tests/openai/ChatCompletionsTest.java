/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Answers of {@code /v1/chat/completions}. */
class ChatCompletionsTest extends OpenAiFixture {

    private static JsonObject choice(JsonObject answer, int index) {
        return answer.getAsJsonArray("choices").get(index).getAsJsonObject();
    }

    static String content(JsonObject answer, int index) {
        return choice(answer, index).getAsJsonObject("message").get("content").getAsString();
    }

    /** Returns the text of a choice in a stream. */
    static String streamed(List<JsonObject> chunks, int index) {
        StringBuilder text = new StringBuilder();
        for (JsonObject chunk : chunks) {
            for (var choice : chunk.getAsJsonArray("choices")) {
                JsonObject delta = choice.getAsJsonObject().getAsJsonObject("delta");
                if (choice.getAsJsonObject().get("index").getAsInt() == index
                        && delta.has("content")) {
                    text.append(delta.get("content").getAsString());
                }
            }
        }
        return text.toString();
    }

    @Test
    void wholeAnswer() {
        JsonObject answer = whole(chat());
        System.err.println(answer);
        assertThat(content(answer, 0)).isEqualTo(ANSWER);
    }

    @Test
    void streamedAnswer() {
        List<JsonObject> chunks = chunks(api::chatCompletions, chat("'stream': true", "'stream_options': {'include_usage': true}"));
        chunks.forEach(System.err::println);
        assertThat(streamed(chunks, 0)).isEqualTo(ANSWER);
    }
}
