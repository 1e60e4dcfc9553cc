/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code cached_tokens} are the tokens of a prompt that a kept prefix held. */
class CachedTokensTest {

    /** Longer than the shortest prefix that is kept. */
    private static final String QUESTION =
            "{\"role\":\"user\",\"content\":\""
                    + "What is a fox, and what is a ship? ".repeat(4)
                    + "\"}";

    private ZooModel<NDList, NDList> model;
    private MistralPipeline pipeline;
    private OpenAi api;

    @BeforeEach
    void open() throws Exception {
        model =
                Mistral.criteria(NDList.class, NDList.class)
                        .optArgument("prefix_cache_bytes", "10MB")
                        .build()
                        .loadModel();
        pipeline = MistralPipeline.open(model);
        api = new OpenAi("tiny", pipeline, pipeline.defaults());
    }

    @AfterEach
    void close() {
        pipeline.close();
        model.close();
    }

    private static JsonObject usage(Function<String, ApiAnswer> endpoint, String request) {
        try (ApiAnswer answer = endpoint.apply(request)) {
            return JsonParser.parseString(answer.body()).getAsJsonObject().getAsJsonObject("usage");
        }
    }

    private static int cached(JsonObject usage, String details) {
        return usage.getAsJsonObject(details).get("cached_tokens").getAsInt();
    }

    @Test
    void repeatedPromptLacksItsLastToken() {
        String request = "{\"messages\":[" + QUESTION + "],\"max_tokens\":4}";
        JsonObject first = usage(api::chatCompletions, request);
        assertThat(cached(first, "prompt_tokens_details")).isZero();
        JsonObject second = usage(api::chatCompletions, request);
        int prompt = second.get("prompt_tokens").getAsInt();
        assertThat(cached(second, "prompt_tokens_details")).isEqualTo(prompt - 1);
        // each prompt counts once, however many answers it has
        JsonObject several =
                usage(api::chatCompletions, request.replace("4}", "4,\"n\":3,\"temperature\":1}"));
        assertThat(cached(several, "prompt_tokens_details")).isEqualTo(prompt - 1);
    }

    @Test
    void nextTurnContinuesTheFirst() {
        usage(api::responses, "{\"input\":[" + QUESTION + "],\"max_output_tokens\":16}");
        String other = "{\"role\":\"user\",\"content\":\"And a lighthouse?\"}";
        JsonObject next =
                usage(
                        api::responses,
                        "{\"input\":["
                                + QUESTION
                                + ",{\"role\":\"assistant\",\"content\":\"An animal.\"},"
                                + other
                                + "],\"max_output_tokens\":16}");
        JsonObject changed =
                usage(api::responses, "{\"input\":[" + other + "],\"max_output_tokens\":16}");
        int cached = cached(next, "input_tokens_details");
        assertThat(cached).isBetween(16, next.get("input_tokens").getAsInt() - 5);
        assertThat(cached(changed, "input_tokens_details")).isZero();
    }
}
