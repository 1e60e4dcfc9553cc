/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.openai.ApiException;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.translator.TextEmbedder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Answers of {@code /v1/embeddings}. */
class EmbeddingsTest extends OpenAiFixture {

    private static OpenAi embedding;

    @BeforeAll
    static void open() throws Exception {
        embedding = new OpenAi("tiny", pipeline, pipeline.defaults(), TextEmbedder.open(model));
    }

    private static JsonObject embed(String input, String... fields) {
        return json(embedding.embeddings(request("'input': " + input, fields)));
    }

    private static float[] vector(JsonObject answer, int index) {
        JsonObject item = answer.getAsJsonArray("data").get(index).getAsJsonObject();
        assertThat(item.get("object").getAsString()).isEqualTo("embedding");
        assertThat(item.get("index").getAsInt()).isEqualTo(index);
        JsonArray array = item.getAsJsonArray("embedding");
        float[] vector = new float[array.size()];
        for (int i = 0; i < vector.length; ++i) {
            vector[i] = array.get(i).getAsFloat();
        }
        return vector;
    }

    @Test
    void vectorsAreThoseOfThePredictor() throws Exception {
        JsonObject answer = embed("['a fox', 'a lighthouse']");
        try (ZooModel<String, float[]> zoo =
                        Mistral.criteria(String.class, float[].class).build().loadModel();
                Predictor<String, float[]> predictor = zoo.newPredictor()) {
            assertThat(vector(answer, 0)).isEqualTo(predictor.predict("a fox"));
            assertThat(vector(answer, 1)).isEqualTo(predictor.predict("a lighthouse"));
        }
        assertThat(answer.keySet()).containsExactly("object", "data", "model", "usage");
        int tokens = pipeline.complete("a fox").length + pipeline.complete("a lighthouse").length;
        assertThat(answer.get("usage"))
                .isEqualTo(
                        json(
                                "{\"prompt_tokens\": "
                                        + tokens
                                        + ", \"total_tokens\": "
                                        + tokens
                                        + "}"));
    }

    @Test
    void tokensAreEmbeddedAsTheirText() {
        String ids = Arrays.toString(pipeline.complete("a fox"));
        float[] text = vector(embed("'a fox'"), 0);
        assertThat(vector(embed(ids), 0)).isEqualTo(text);
        assertThat(vector(embed("[" + ids + "]"), 0)).isEqualTo(text);
    }

    @Test
    void base64IsLittleEndian() {
        String base64 =
                embed("'a fox'", "'encoding_format': 'base64'")
                        .getAsJsonArray("data")
                        .get(0)
                        .getAsJsonObject()
                        .get("embedding")
                        .getAsString();
        float[] expected = vector(embed("'a fox'"), 0);
        float[] vector = new float[expected.length];
        ByteBuffer.wrap(Base64.getDecoder().decode(base64))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(vector);
        assertThat(vector).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'input': ''                        | input",
                "'input': []                        | input",
                "'input': ['a', 5]                  | input",
                "'input': [99999999]                | input",
                "'model': 'tiny'                    | input",
                "'input': 'a', 'dimensions': 8      | dimensions",
                "'input': 'a', 'encoding_format': 'hex' | encoding_format",
                "'input': 'a', 'model': 'other'     | model",
                "'input': 'a', 'top_k': 1           | top_k",
            })
    void faultyFieldsAreNamed(String fields, String param) {
        assertThatThrownBy(() -> embedding.embeddings(request(fields)))
                .isInstanceOfSatisfying(
                        ApiException.class, e -> assertThat(e.param()).isEqualTo(param));
    }

    @Test
    void aModelWithoutEmbeddingsSaysSo() {
        assertThatThrownBy(() -> api.embeddings(request("'input': 'a'")))
                .hasMessageContaining("no embeddings");
    }
}
