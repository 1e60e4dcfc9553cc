/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.examples.Cli;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts are classified by the embedded model's backbone under a random head of three classes. */
class ClassificationTest extends ZooFixture {

    private static final List<String> TEXTS =
            List.of("a fox", "a lighthouse stands at the sea", "an owl", "rain", "two boats");

    @TempDir Path temporary;
    private Path plain;
    private Path checkpoint;

    @BeforeEach
    void writeCheckpoint() throws Exception {
        plain = copy(temporary.resolve("plain"));
        checkpoint = copy(temporary.resolve("classifier"), "model.safetensors");
        configure(Map.of());
        Map<String, Tensor> tensors = new LinkedHashMap<>(Checkpoint.open(plain).tensors());
        tensors.remove("lm_head.weight");
        Tensor score = Tensor.allocate("score.weight", Dtype.FLOAT32, 3, hiddenSize());
        FloatBuffer numbers = score.data().asFloatBuffer();
        Random random = new Random(5);
        while (numbers.hasRemaining()) {
            numbers.put((float) random.nextGaussian() / 4);
        }
        tensors.put("score.weight", score);
        Safetensors.write(checkpoint.resolve("model.safetensors"), tensors.values(), Map.of());
    }

    private JsonObject config() throws Exception {
        return JsonParser.parseString(Files.readString(checkpoint.resolve("config.json")))
                .getAsJsonObject();
    }

    private int hiddenSize() throws Exception {
        return config().get("hidden_size").getAsInt();
    }

    private void configure(Map<String, Object> changes) throws Exception {
        JsonObject config = config();
        config.add("architectures", JsonParser.parseString("[MistralForSequenceClassification]"));
        config.add("id2label", JsonParser.parseString("{'0': 'bad', '1': 'fair', '2': 'good'}"));
        config.addProperty("pad_token_id", 0);
        changes.forEach((name, value) -> config.add(name, JsonParser.parseString("" + value)));
        Files.writeString(checkpoint.resolve("config.json"), config.toString());
    }

    private Criteria.Builder<String, Classifications> criteria() {
        return Mistral.criteria(checkpoint, String.class, Classifications.class);
    }

    /** Returns the logits of a text alone. */
    private float[] logits(String text) throws Exception {
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint);
                ZooModel<NDList, NDList> model =
                        Mistral.criteria(checkpoint, NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor()) {
            long[] ids = tokenizer.encodePlain(text, true);
            NDList input = new NDList(model.getNDManager().create(ids).reshape(1, -1));
            return predictor.predict(input).singletonOrThrow().toFloatArray();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBatchGivesWhatEachTextGives(boolean padded) throws Exception {
        if (!padded) {
            configure(Map.of("pad_token_id", "null"));
        }
        try (ZooModel<String, Classifications> model = criteria().build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            List<Classifications> batch = predictor.batchPredict(TEXTS);
            for (int i = 0; i < TEXTS.size(); ++i) {
                float[] logits = logits(TEXTS.get(i));
                double sum = 0;
                for (float logit : logits) {
                    sum += Math.exp(logit);
                }
                Classifications alone = predictor.predict(TEXTS.get(i));
                assertThat(batch.get(i).getClassNames()).containsExactly("bad", "fair", "good");
                for (int c = 0; c < 3; ++c) {
                    double expected = Math.exp(logits[c]) / sum;
                    assertThat(alone.getProbabilities().get(c)).isCloseTo(expected, within(1e-5));
                    assertThat(batch.get(i).getProbabilities().get(c))
                            .isCloseTo(expected, within(1e-5));
                }
            }
        }
    }

    @Test
    void independentLabelsAndRegressions() throws Exception {
        float[] logits = logits("an owl");
        configure(Map.of("problem_type", "multi_label_classification"));
        try (ZooModel<String, Classifications> model = criteria().build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            assertThat(predictor.predict("an owl").getProbabilities().get(1))
                    .isCloseTo(1 / (1 + Math.exp(-logits[1])), within(1e-5));
        }
        configure(Map.of("problem_type", "regression"));
        try (ZooModel<String, Classifications> model = criteria().build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            assertThat(predictor.predict("an owl").getProbabilities().get(1))
                    .isCloseTo((double) logits[1], within(1e-4));
        }
    }

    @Test
    void longTextsAreTruncatedOnlyIfAsked() throws Exception {
        configure(Map.of("max_position_embeddings", 8));
        String text = "one two three four five six seven eight nine";
        try (ZooModel<String, Classifications> model = criteria().build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(text))
                    .hasMessageContaining("max_position_embeddings is 8")
                    .hasMessageContaining("truncation");
            assertThatThrownBy(() -> predictor.predict("")).hasMessageContaining("empty");
            assertThat(predictor.predict("fox").getClassNames()).hasSize(3);
        }
        try (ZooModel<String, Classifications> model =
                        criteria().optArgument("truncation", true).build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            assertThat(predictor.predict(text).getClassNames()).hasSize(3);
        }
    }

    @Test
    void aHeadThatTheCheckpointLacks() {
        assertThatThrownBy(
                        () ->
                                Mistral.criteria(checkpoint, String.class, String.class)
                                        .build()
                                        .loadModel())
                .hasMessageContaining("is a MistralForSequenceClassification");
        assertThatThrownBy(
                        () ->
                                Mistral.criteria(plain, String.class, Classifications.class)
                                        .build()
                                        .loadModel())
                .hasMessageContaining("MistralForSequenceClassification");
    }

    @Test
    void theCommandLineClassifiesLines() throws Exception {
        String lines = "an owl\n\nrain\n";
        JsonObject json = Cli.runWith(lines, "classify", "--model=" + checkpoint, "--json").json();
        JsonArray rows = json.getAsJsonArray("classifications");
        assertThat(rows).hasSize(2);
        try (ZooModel<String, Classifications> model = criteria().build().loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            Classifications expected = predictor.predict("rain");
            JsonObject rain = rows.get(1).getAsJsonObject();
            assertThat(rain.get("label").getAsString()).isEqualTo(expected.best().getClassName());
            assertThat(rain.getAsJsonObject("scores").get("fair").getAsDouble())
                    .isCloseTo(expected.getProbabilities().get(1), within(1e-5));
        }
        assertThat(Cli.run("classify", "--model=" + checkpoint, "rain").succeeds().out())
                .startsWith("rain")
                .contains("bad", "fair", "good");
        assertThat(Cli.run("classify", "--model=" + plain, "rain").fault(1))
                .contains("MistralForSequenceClassification");
        assertThat(Cli.run("generate", "--model=" + checkpoint, "rain").fault(1))
                .contains("generates no text");
    }
}
