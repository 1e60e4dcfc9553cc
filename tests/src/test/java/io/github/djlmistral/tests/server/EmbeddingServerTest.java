/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.examples.Cli;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A server of a checkpoint of sentence-transformers, which has no head. */
@Timeout(60)
class EmbeddingServerTest {

    @TempDir static Path directory;
    private static Path checkpoint;
    private static ZooModel<NDList, NDList> model;
    private static Served served;

    @BeforeAll
    static void start() throws Exception {
        checkpoint = checkpoint();
        model = Mistral.criteria(checkpoint, NDList.class, NDList.class).build().loadModel();
        served = new Served();
        served.model = model;
        served.startEmbeddings();
    }

    private static Path checkpoint() throws IOException {
        Path source = Reference.directory("heads/embedding");
        Path target = Files.createDirectories(directory.resolve("owls"));
        for (String file : List.of("model.safetensors", "config.json")) {
            Files.copy(source.resolve(file), target.resolve(file));
        }
        Files.writeString(
                target.resolve("tokenizer.json"),
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2,"
                        + " \"a\": 3, \"n\": 4, \" \": 5, \"o\": 6, \"w\": 7, \"l\": 8},"
                        + " \"merges\": [], \"unk_token\": \"<unk>\"}, \"added_tokens\": [], \"decoder\": {\"type\":"
                        + " \"Fuse\"}}");
        Files.writeString(
                target.resolve("modules.json"),
                "[{\"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},"
                        + "{\"path\": \"pool\", \"type\": \"sentence_transformers.models.Pooling\"},"
                        + "{\"path\": \"norm\", \"type\":"
                        + " \"sentence_transformers.models.Normalize\"}]");
        Files.createDirectories(target.resolve("pool"));
        Files.writeString(target.resolve("pool/config.json"), "{\"pooling_mode\": \"mean\"}");
        return target;
    }

    @AfterAll
    static void stop() {
        served.close();
        model.close();
    }

    private static JsonObject ask(String path, String body) {
        HttpResponse<String> response = served.send(served.post(path, body));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return Served.json(response);
    }

    @Test
    void embeddingsAreThoseOfTheCheckpoint() throws Exception {
        JsonArray data =
                ask("/v1/embeddings", "{\"input\": [\"an owl\", \"a lawn\"]}")
                        .getAsJsonArray("data");
        try (ZooModel<String, float[]> texts =
                        Mistral.criteria(checkpoint, String.class, float[].class)
                                .build()
                                .loadModel();
                Predictor<String, float[]> predictor = texts.newPredictor()) {
            List<float[]> expected = predictor.batchPredict(List.of("an owl", "a lawn"));
            for (int i = 0; i < 2; ++i) {
                JsonElement vector = data.get(i).getAsJsonObject().get("embedding");
                assertThat(new Gson().fromJson(vector, float[].class)).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void whatNeedsNoGeneration() {
        assertThat(ask("/tokenize", "{\"content\": \"owl\"}").getAsJsonArray("tokens"))
                .hasToString("[6,7,8]");
        assertThat(ask("/detokenize", "{\"tokens\": [6, 7, 8]}").get("content").getAsString())
                .isEqualTo("owl");
        assertThat(served.send(served.request("/health")).statusCode()).isEqualTo(200);
        assertThat(served.send(served.request("/v1/models")).body()).contains(Served.NAME);
        assertThat(served.send(served.request("/metrics")).body())
                .contains("mistral:http_requests_total")
                .doesNotContain("slots");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions | {\"messages\": [{\"role\": \"user\", \"content\": \"an owl\"}]}",
                "/v1/completions      | {\"prompt\": \"an owl\"}",
                "/v1/responses        | {\"input\": \"an owl\", \"stream\": true}"
            })
    void textIsRefused(String path, String body) {
        HttpResponse<String> response = served.send(served.post(path, body));
        assertThat(response.statusCode()).isEqualTo(400);
        JsonObject error = Served.error(response);
        assertThat(error.get("type").getAsString()).isEqualTo("invalid_request_error");
        assertThat(error.get("param").getAsString()).isEqualTo("model");
        assertThat(error.get("message").getAsString())
                .contains("tiny generates no text, it only embeds", "/v1/embeddings");
    }

    @Test
    void thereIsNoChatTemplate() {
        HttpResponse<String> response = served.send(served.post("/apply-template", Served.CHAT));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(Served.error(response).get("message").getAsString())
                .contains("no chat template");
    }

    @Test
    void optionsOfGenerationAreRefused() {
        assertThat(
                        Cli.run(
                                        "serve",
                                        "--port=0",
                                        "--model=" + checkpoint,
                                        "--max-batch-size=3",
                                        "--temperature=0.5")
                                .fault(2))
                .contains(
                        "owls embeds texts and generates none",
                        "omit --max-batch-size, --temperature");
    }
}
