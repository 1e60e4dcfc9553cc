/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.Mistral;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** DJL Serving's types speak OpenAI's JSON. */
class ServingApiTest extends OpenAiFixture {

    private static ZooModel<Input, Output> serving;
    private static Predictor<Input, Output> predictor;

    @BeforeAll
    static void loadServing() throws Exception {
        serving = Mistral.criteria(Input.class, Output.class).build().loadModel();
        predictor = serving.newPredictor();
    }

    @AfterAll
    static void unloadServing() {
        predictor.close();
        serving.close();
    }

    private static Input input(String body) {
        Input input = new Input();
        input.add(body.getBytes(StandardCharsets.UTF_8));
        return input;
    }

    private static JsonObject json(Output output) {
        assertThat(output.getProperty("Content-Type", null)).isEqualTo("application/json");
        return json(output.getData().getAsString());
    }

    /** Reads what a stream pushes. */
    private static String pushed(Output output) throws Exception {
        assertThat(output.getProperty("Content-Type", null)).isEqualTo("text/event-stream");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ((PublisherBytesSupplier) output.getData())
                .subscribe(
                        part -> {
                            if (part != null) {
                                bytes.writeBytes(part);
                            }
                        })
                .get(60, TimeUnit.SECONDS);
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static String contents(String events) {
        StringBuilder text = new StringBuilder();
        assertThat(events).endsWith("data: [DONE]\n\n");
        for (String event : events.replace("data: [DONE]\n\n", "").strip().split("\n\n", -1)) {
            assertThat(event).startsWith("data: ");
            JsonObject delta =
                    json(event.substring("data: ".length()))
                            .getAsJsonArray("choices")
                            .get(0)
                            .getAsJsonObject()
                            .getAsJsonObject("delta");
            text.append(delta.has("content") ? delta.get("content").getAsString() : "");
        }
        return text.toString();
    }

    @Test
    void messagesAreAnsweredAsByTheApi() throws Exception {
        JsonObject answer = json(predictor.predict(input(chat("'model': 'any'"))));
        assertThat(answer.get("choices")).isEqualTo(whole(chat()).get("choices"));
        assertThat(answer.get("usage")).isEqualTo(whole(chat()).get("usage"));
    }

    @Test
    void promptsAreCompletedAsByTheApi() throws Exception {
        String request = request("'prompt': 'a light'", "'max_tokens': 5");
        assertThat(json(predictor.predict(input(request))).get("choices"))
                .isEqualTo(whole(api::completions, request).get("choices"));
    }

    @Test
    void aBatchMixesForms() throws Exception {
        List<Output> outputs =
                predictor.batchPredict(
                        List.of(
                                input(chat()),
                                input("What is a lighthouse?"),
                                input(chat("'top_k': -1")),
                                input(chat("'stream': true")),
                                input(request("'prompt': 'a light'", "'max_tokens': 5"))));
        assertThat(json(outputs.get(0)).get("object").getAsString()).isEqualTo("chat.completion");
        assertThat(json(outputs.get(1)).get("generated_text").getAsString()).isEqualTo(ANSWER);
        assertThat(outputs.get(2).getCode()).isEqualTo(400);
        assertThat(json(outputs.get(2)).getAsJsonObject("error").get("param").getAsString())
                .isEqualTo("top_k");
        assertThat(contents(pushed(outputs.get(3)))).isEqualTo(ANSWER);
        assertThat(json(outputs.get(4)).get("object").getAsString()).isEqualTo("text_completion");
    }

    @Test
    void aStreamIsPushedOrPulled() throws Exception {
        String request = chat("'stream': true");
        assertThat(contents(pushed(predictor.predict(input(request))))).isEqualTo(ANSWER);
        Output pulled = predictor.streamingPredict(input(request)).getIterativeOutput();
        assertThat(contents(pulled.getData().getAsString())).isEqualTo(ANSWER);
        assertThatThrownBy(() -> predictor.streamingPredict(input(chat("'top_k': -1"))))
                .isInstanceOf(TranslateException.class)
                .hasMessageContaining("top_k");
    }

    @Test
    void aCancelledInputEndsItsStream() throws Exception {
        Input input = input(chat("'stream': true", "'min_new_tokens': 200"));
        input.setCancelled(true);
        PublisherBytesSupplier content =
                (PublisherBytesSupplier) predictor.predict(input).getData();
        assertThatThrownBy(() -> content.subscribe(part -> {}).get(60, TimeUnit.SECONDS))
                .isInstanceOf(CancellationException.class);
    }
}
