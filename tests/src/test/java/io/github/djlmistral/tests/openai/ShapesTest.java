/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.openai.ServerSentEvent;
import io.github.djlmistral.zoo.translator.TextEmbedder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers and events have the types of OpenAI's Python library, and no members besides. */
class ShapesTest extends OpenAiFixture {

    private static final String LOGPROBS = "'logprobs': true, 'top_logprobs': 2";

    /** The types of events by their names, where these differ. */
    private static final Map<String, String> EVENTS =
            Map.of(
                    "OutputTextDelta", "TextDelta",
                    "OutputTextDone", "TextDone");

    private static final String DEFINITIONS = definitions();
    private static final Map<String, Schema> SCHEMAS = new HashMap<>();

    private static String definitions() {
        try {
            return Files.readString(Reference.directory("openai.json")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void assertShape(String type, String text) {
        Schema schema =
                SCHEMAS.computeIfAbsent(
                        type,
                        name ->
                                SchemaRegistry.withDefaultDialect(
                                                SpecificationVersion.DRAFT_2020_12)
                                        .getSchema(
                                                "{\"$ref\": \"#/$defs/"
                                                        + name
                                                        + "\", "
                                                        + DEFINITIONS.substring(1)));
        List<Error> errors = schema.validate(text, InputFormat.JSON);
        assertThat(errors).as("%s %s", type, text).isEmpty();
    }

    static void assertChat(JsonObject answer) {
        assertShape("ChatCompletion", answer.toString());
    }

    static void assertChunk(JsonObject chunk) {
        assertShape("ChatCompletionChunk", chunk.toString());
    }

    static void assertResponse(JsonObject response) {
        assertShape("Response", response.toString());
    }

    /** Checks an event of the responses endpoint, such as {@code response.output_text.delta}. */
    static void assertEvent(ServerSentEvent event) {
        StringBuilder type = new StringBuilder();
        for (String word :
                String.valueOf(event.name()).replaceFirst("^response.", "").split("[._]", -1)) {
            type.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
        }
        String name = type.toString();
        assertShape("Response" + EVENTS.getOrDefault(name, name) + "Event", event.data());
    }

    @ParameterizedTest
    @ValueSource(strings = {"'n': 1", LOGPROBS, "'n': 2, 'seed': 1", "'max_tokens': 2"})
    void chat(String fields) {
        assertChat(whole(OpenAiFixture.chat(fields)));
        for (JsonObject chunk :
                chunks(
                        api::chatCompletions,
                        OpenAiFixture.chat(
                                "'stream': true, 'stream_options': {'include_usage': true}",
                                fields))) {
            assertChunk(chunk);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"'n': 1", "'logprobs': 2", "'echo': true"})
    void completions(String fields) {
        String prompt = "'prompt': 'a light', 'max_tokens': 4";
        assertShape("Completion", whole(api::completions, request(prompt, fields)).toString());
        for (JsonObject chunk :
                chunks(api::completions, request(prompt, "'stream': true", fields))) {
            if (chunk.getAsJsonArray("choices")
                    .get(0)
                    .getAsJsonObject()
                    .get("finish_reason")
                    .isJsonNull()) {
                continue; // the library has one type for both, in which it is a string
            }
            assertShape("Completion", chunk.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'store': false",
                "'max_output_tokens': 2",
                "'include': ['message.output_text.logprobs'], 'top_logprobs': 2",
                "'instructions': 'Be brief.', 'metadata': {'a': 'b'}, 'temperature': 0",
                "'text': {'format': {'type': 'json_schema', 'name': 'n', 'schema': {'const': 1}}}",
                "'tools': [{'type': 'function', 'name': 'f', 'parameters': {'type': 'object'},"
                        + " 'strict': true}], 'tool_choice': 'none'"
            })
    void responses(String fields) {
        String input = "'input': 'What is a lighthouse?'";
        assertResponse(whole(api::responses, request(input, fields)));
        events(api::responses, request(input, "'stream': true", fields))
                .forEach(ShapesTest::assertEvent);
    }

    @Test
    void embeddingsAndModels() throws Exception {
        OpenAi embedding =
                new OpenAi("tiny", pipeline, pipeline.defaults(), TextEmbedder.open(model));
        assertShape("CreateEmbeddingResponse", embedding.embeddings(request("'input': 'a fox'")));
        assertShape("Model", api.model("tiny"));
    }

    @Test
    void otherShapesAreRejected() {
        String chat = whole(OpenAiFixture.chat()).toString();
        for (String change : List.of("\"id\":", "\"finish_reason\":\"stop\"", "\"index\":0")) {
            String changed = chat.replace(change, change.replaceFirst("\"(\\w)", "\"x$1"));
            assertThatThrownBy(() -> assertShape("ChatCompletion", changed))
                    .isInstanceOf(AssertionError.class);
        }
    }
}
