/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.tests.examples.Cli;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts become the pooled hidden states of their tokens, as with sentence-transformers. */
class EmbeddingTest extends ZooFixture {

    private static final List<String> TEXTS =
            List.of(
                    "a fox",
                    "a lighthouse stands at the sea, and its light can be seen from afar",
                    "an owl",
                    "\uD83E\uDD89 совы, 海",
                    "a",
                    "two boats",
                    " \n ");

    @TempDir Path temporary;

    private static Criteria.Builder<String, float[]> criteria(Path checkpoint) {
        return Mistral.criteria(checkpoint, String.class, float[].class)
                .optArgument("dtype", "float32");
    }

    private static float[] embed(Path checkpoint, Map<String, ?> arguments, String text)
            throws Exception {
        Criteria.Builder<String, float[]> criteria = criteria(checkpoint);
        arguments.forEach(criteria::optArgument);
        try (ZooModel<String, float[]> model = criteria.build().loadModel();
                Predictor<String, float[]> predictor = model.newPredictor()) {
            return predictor.predict(text);
        }
    }

    /** Hidden states (T, E) of a text, from the network alone. */
    private static float[][] states(Model model, Path checkpoint, String text) throws Exception {
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint);
                NDManager manager = model.getNDManager().newSubManager()) {
            long[] ids = tokenizer.encodePlain(text, true);
            NDArray state =
                    ((MistralPreTrainedModel) model.getBlock())
                            .lastHiddenState(
                                    new ParameterStore(manager, false),
                                    ForwardInput.ofIds(
                                            manager.create(ids, new Shape(1, ids.length))),
                                    false);
            float[] flat = state.toFloatArray();
            int width = flat.length / ids.length;
            float[][] rows = new float[ids.length][];
            Arrays.setAll(rows, i -> Arrays.copyOfRange(flat, i * width, (i + 1) * width));
            return rows;
        }
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; ++i) {
            assertThat(actual[i]).isCloseTo(expected[i], within(Fixture.LOGITS));
        }
    }

    private static double length(float[] vector) {
        double squares = 0;
        for (float x : vector) {
            squares += (double) x * x;
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @ValueSource(strings = {"last", "mean", "cls"})
    void poolsTheHiddenStates(String pooling) throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        try (ZooModel<String, float[]> model =
                        criteria(checkpoint).optArgument("pooling", pooling).build().loadModel();
                Predictor<String, float[]> predictor = model.newPredictor()) {
            List<float[]> batch = predictor.batchPredict(TEXTS);
            assertThat(batch).hasSameSizeAs(TEXTS);
            for (int i = 0; i < TEXTS.size(); ++i) {
                float[][] states = states(model, checkpoint, TEXTS.get(i));
                float[] expected =
                        switch (pooling) {
                            case "cls" -> states[0];
                            case "last" -> states[states.length - 1];
                            default -> new float[states[0].length];
                        };
                if (pooling.equals("mean")) {
                    for (float[] state : states) {
                        for (int k = 0; k < state.length; ++k) {
                            expected[k] += state[k] / states.length;
                        }
                    }
                }
                assertClose(batch.get(i), expected);
                // rows of a product of another size may be summed in another order
                assertClose(predictor.predict(TEXTS.get(i)), batch.get(i));
            }
        }
    }

    private static float[] embed(String name, Map<String, ?> arguments) throws Exception {
        Criteria.Builder<long[], float[]> criteria =
                Mistral.criteria(Reference.directory("heads/" + name), long[].class, float[].class);
        arguments.forEach(criteria::optArgument);
        try (ZooModel<long[], float[]> model = criteria.build().loadModel();
                Predictor<long[], float[]> predictor = model.newPredictor()) {
            NDManager manager = model.getNDManager();
            return predictor.predict(
                    Reference.head(name).array(manager, "row.input_ids").toLongArray());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"embedding", "bidirectional"})
    void tokenIdsAsTheReference(String name) throws Exception {
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            for (String pooling : List.of("last", "mean", "cls")) {
                for (boolean normalize : new boolean[] {false, true}) {
                    String key = "row." + pooling + (normalize ? ".normalized" : "");
                    assertClose(
                            embed(name, Map.of("pooling", pooling, "normalize", normalize)),
                            Reference.head(name).array(manager, key).toFloatArray());
                }
            }
        }
    }

    /** The reference kernels compute with the dequantized weights. */
    @ParameterizedTest
    @ValueSource(strings = {"embedding", "bidirectional"})
    void fourBitsEqualTheDequantizedWeights(String name) throws Exception {
        assertClose(
                embed(name, Map.of("quantization", "nf4")),
                embed(name, Map.of("quantization", "nf4", "kernels", "reference")));
    }

    @Test
    void ofAQuantizedCheckpoint() throws Exception {
        Path quantized = temporary.resolve("quantized");
        Path plain = Reference.directory("heads/embedding");
        Cli.run("quantize", "--method=nf4", plain.toString(), quantized.toString()).succeeds();
        JsonArray rows =
                Cli.run("embed", "--model=" + quantized, "--ids=5,6,7", "--json")
                        .json()
                        .getAsJsonArray("embeddings");
        JsonArray expected =
                Cli.run("embed", "--model=" + plain, "--quantization=nf4", "--ids=5,6,7", "--json")
                        .json()
                        .getAsJsonArray("embeddings");
        assertClose(floats(rows.get(0).getAsJsonArray()), floats(expected.get(0).getAsJsonArray()));
    }

    @Test
    void theFilesOfSentenceTransformersDecide() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        float[] last = embed(checkpoint, Map.of(), "an owl");
        float[] mean = embed(checkpoint, Map.of("pooling", "mean"), "an owl");
        assertThat(last).isEqualTo(embed(checkpoint, Map.of("pooling", "last"), "an owl"));

        modules(checkpoint, "Transformer", "Pooling");
        pooling(
                checkpoint,
                "{\"pooling_mode_mean_tokens\": true, \"pooling_mode_cls_token\": false}");
        assertThat(embed(checkpoint, Map.of(), "an owl")).isEqualTo(mean);
        pooling(checkpoint, "{\"pooling_mode\": \"lasttoken\"}");
        assertThat(embed(checkpoint, Map.of(), "an owl")).isEqualTo(last);
        // the defaults of sentence-transformers
        pooling(checkpoint, "{}");
        assertThat(embed(checkpoint, Map.of(), "an owl")).isEqualTo(mean);
        assertThat(embed(checkpoint, Map.of("pooling", "last"), "an owl")).isEqualTo(last);

        modules(checkpoint, "Transformer", "Pooling", "Normalize");
        assertThat(length(embed(checkpoint, Map.of(), "an owl"))).isCloseTo(1, within(1e-6));
        assertThat(embed(checkpoint, Map.of("normalize", false), "an owl")).isEqualTo(mean);
    }

    @Test
    void prompts() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        float[] query = embed(checkpoint, Map.of(), "query: an owl");
        float[] owl = embed(checkpoint, Map.of(), "an owl");
        assertThat(embed(checkpoint, Map.of("prompt", "query: "), "an owl")).isEqualTo(query);
        Files.writeString(
                checkpoint.resolve("config_sentence_transformers.json"),
                "{\"prompts\": {\"query\": \"query: \", \"document\": \"\"},"
                        + " \"default_prompt_name\": \"query\"}");
        assertThat(embed(checkpoint, Map.of(), "an owl")).isEqualTo(query);
        assertThat(embed(checkpoint, Map.of("promptName", "document"), "an owl")).isEqualTo(owl);
        assertThat(embed(checkpoint, Map.of("prompt", ""), "an owl")).isEqualTo(owl);
        assertThatThrownBy(() -> embed(checkpoint, Map.of("prompt_name", "fax"), "an owl"))
                .hasMessageContaining("no prompt \"fax\"")
                .hasMessageContaining("document");
        assertThatThrownBy(
                        () ->
                                embed(
                                        checkpoint,
                                        Map.of("prompt_name", "query", "prompt", "x"),
                                        "an owl"))
                .hasMessageContaining("either prompt or prompt_name");
    }

    /** Queries and documents with one model: a predictor for each. */
    @Test
    void twoPromptsWithOneModel() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        try (ZooModel<String, float[]> model = criteria(checkpoint).build().loadModel();
                Predictor<String, float[]> documents = model.newPredictor();
                Predictor<String, float[]> queries =
                        model.newPredictor(
                                new MistralTranslatorFactory()
                                        .newInstance(
                                                String.class,
                                                float[].class,
                                                model,
                                                Map.of("prompt", "query: ")))) {
            assertThat(queries.predict("an owl")).isEqualTo(documents.predict("query: an owl"));
        }
    }

    /** e5-mistral's tokenizer appends the end token, whose hidden state is the embedding. */
    @Test
    void longTextsKeepTheEndToken() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        edit(
                checkpoint.resolve("tokenizer_config.json"),
                json -> json.replace("\"add_eos_token\": false", "\"add_eos_token\": true"));
        modules(checkpoint, "Transformer", "Pooling");
        pooling(checkpoint, "{\"pooling_mode_lasttoken\": true}");
        Files.writeString(
                checkpoint.resolve("sentence_bert_config.json"), "{\"max_seq_length\": 6}");
        String text = "one two three four five six seven";
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), text))
                .hasMessageContaining("max_seq_length is 6")
                .hasMessageContaining("truncation");
        float[] actual = embed(checkpoint, Map.of("truncation", true), text);
        long[] ids;
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint)) {
            long[] all = tokenizer.encodePlain(text, true);
            assertThat(all[all.length - 1]).isEqualTo(tokenizer.eosTokenId());
            ids = Arrays.copyOf(all, 6);
            ids[5] = tokenizer.eosTokenId();
        }
        try (ZooModel<long[], float[]> model =
                        Mistral.criteria(checkpoint, long[].class, float[].class)
                                .optArgument("dtype", "float32")
                                .build()
                                .loadModel();
                Predictor<long[], float[]> predictor = model.newPredictor()) {
            assertThat(predictor.predict(ids)).isEqualTo(actual);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Transformer Pooling Dense            | {}"
                        + " | Transformer, Pooling, Dense are not supported",
                "Transformer Normalize                | {}"
                        + " | Transformer, Normalize are not supported",
                "Transformer Pooling                  | {'pooling_mode_max_tokens': true}"
                        + " | the pooling max is not supported",
                "Transformer Pooling                  | {'pooling_mode': ['cls', 'mean']}"
                        + " | the pooling cls, mean is not supported",
                "Transformer Pooling                  | {'pooling_mode': 'weightedmean'}"
                        + " | the pooling weightedmean is not supported",
                "Transformer Pooling                  | {'pooling_mode_cls_token': 'yes'}"
                        + " | pooling_mode_cls_token",
                "Transformer Pooling                  | [] | is not a JSON object",
            })
    void unsupportedModules(String classes, String json, String message) throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        modules(checkpoint, classes.split(" "));
        pooling(checkpoint, json.replace('\'', '"'));
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining(message);
    }

    @Test
    void brokenFilesOfSentenceTransformers() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        modules(checkpoint, "Transformer", "Pooling");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining("config.json");
        pooling(checkpoint, "{\"include_prompt\": false}");
        assertThat(embed(checkpoint, Map.of(), "an owl")).isNotEmpty();
        assertThatThrownBy(() -> embed(checkpoint, Map.of("prompt", "query: "), "an owl"))
                .hasMessageContaining("include_prompt");
        for (String json : List.of("{\"max_seq_length\": 0}", "{\"max_seq_length\": \"a\"}")) {
            Files.writeString(checkpoint.resolve("sentence_bert_config.json"), json);
            assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                    .hasMessageContaining("max_seq_length");
        }
        Files.writeString(
                checkpoint.resolve("sentence_bert_config.json"), "{\"do_lower_case\": true}");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining("do_lower_case");
        // as version 6 saves a model with a chat template
        Files.writeString(
                checkpoint.resolve("sentence_bert_config.json"),
                "{\"modality_config\": {\"text\": {}, \"message\": {\"format\": \"flat\"}}}");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining("chat template");
        edit(checkpoint.resolve("modules.json"), json -> json.replace("1_Pooling", "../other"));
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining("outside");
        Files.writeString(checkpoint.resolve("modules.json"), "{}");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "an owl"))
                .hasMessageContaining("not a JSON array");
    }

    /** The key of llama.cpp: 1 is the mean. */
    @Test
    void theGgufFileDecides() throws Exception {
        Path source = copy(temporary.resolve("plain"));
        Path file = temporary.resolve("mean.gguf");
        GgufModel.tokenizer(GgufModel.plain(source), source.resolve("tokenizer.model"))
                .put("llama.pooling_type", 1)
                .write(file);
        assertThat(embed(file, Map.of(), "an owl"))
                .isEqualTo(embed(file, Map.of("pooling", "mean"), "an owl"))
                .isNotEqualTo(embed(file, Map.of("pooling", "last"), "an owl"));
    }

    @Test
    void badInput() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        assertThatThrownBy(() -> embed(checkpoint, Map.of("pooling", "max"), "an owl"))
                .hasMessageContaining("pooling is \"max\", must be last, mean or cls");
        assertThatThrownBy(() -> embed(checkpoint, Map.of("normalize", "no"), "an owl"))
                .hasMessageContaining("normalize is \"no\", must be true or false");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), ""))
                .hasMessageContaining("the text is empty");
        assertThatThrownBy(() -> embed(checkpoint, Map.of("prompt", "query: "), ""))
                .hasMessageContaining("the text is empty");
        assertThatThrownBy(() -> embed(checkpoint, Map.of(), "owl ".repeat(2100)))
                .hasMessageContaining("max_position_embeddings is 2048")
                .hasMessageContaining("truncation");
        assertThatThrownBy(() -> embed(withoutTokenizer(), Map.of(), "an owl"))
                .hasMessageContaining("no tokenizer");
        Path embedding = Reference.directory("heads/embedding");
        assertThatThrownBy(() -> Mistral.criteria(embedding).build().loadModel())
                .hasMessageContaining("no tokenizer");
        try (ZooModel<long[], float[]> model =
                        Mistral.criteria(embedding, long[].class, float[].class)
                                .build()
                                .loadModel();
                Predictor<long[], float[]> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(new long[0]))
                    .hasMessageContaining("no token ids");
            assertThatThrownBy(() -> predictor.predict(new long[] {99}))
                    .hasMessageContaining("the vocabulary has 0 to 98");
        }
    }

    @Test
    void anEmbeddingModelDoesNothingElse() throws Exception {
        Path checkpoint = bare();
        assertThat(embed(checkpoint, Map.of(), "an owl")).hasSize(32);
        assertThatThrownBy(() -> Mistral.criteria(checkpoint).build().loadModel())
                .hasMessageContaining("is a MistralModel, which generates no text");
        assertThatThrownBy(
                        () ->
                                Mistral.criteria(checkpoint, String.class, Classifications.class)
                                        .build()
                                        .loadModel())
                .hasMessageContaining("is a MistralModel")
                .hasMessageContaining("MistralForSequenceClassification");
        assertThat(Cli.run("generate", "--model=" + checkpoint, "rain").fault(1))
                .contains("generates no text");
        assertThat(Cli.run("classify", "--model=" + checkpoint, "rain").fault(1))
                .contains("is a MistralModel");
    }

    @Test
    void aBidirectionalModelGeneratesNothing() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        float[] causal = embed(checkpoint, Map.of("pooling", "cls"), "an owl");
        edit(
                checkpoint.resolve("config.json"),
                json -> json.replaceFirst("\\{", "{\"is_causal\": false,"));
        assertThat(embed(checkpoint, Map.of("pooling", "cls"), "an owl")).isNotEqualTo(causal);
        assertThat(Cli.run("generate", "--model=" + checkpoint, "rain").fault(1))
                .contains("is_causal is false");
    }

    /** A checkpoint without a head, with the embedded model's tokenizer cut to its vocabulary. */
    private Path bare() throws Exception {
        Path checkpoint = copy(temporary.resolve("bare"), "model.safetensors", "config.json");
        Path source = Reference.directory("heads/embedding");
        Path tokenizer = checkpoint.resolve("tokenizer.json");
        Files.delete(tokenizer);
        Files.delete(checkpoint.resolve("tokenizer.model"));
        Files.writeString(
                tokenizer,
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2,"
                        + " \"a\": 3, \"n\": 4, \" \": 5, \"o\": 6, \"w\": 7, \"l\": 8},"
                        + " \"merges\": [], \"unk_token\": \"<unk>\"}, \"added_tokens\": []}");
        for (String file : List.of("model.safetensors", "config.json")) {
            Files.copy(source.resolve(file), checkpoint.resolve(file));
        }
        return checkpoint;
    }

    private static void modules(Path checkpoint, String... classes) throws Exception {
        JsonArray modules = new JsonArray();
        for (int i = 0; i < classes.length; ++i) {
            JsonObject module = new JsonObject();
            module.addProperty("idx", i);
            module.addProperty("name", "" + i);
            module.addProperty("path", i == 0 ? "" : i + "_" + classes[i]);
            module.addProperty("type", "sentence_transformers.models." + classes[i]);
            modules.add(module);
        }
        Files.writeString(checkpoint.resolve("modules.json"), modules.toString());
    }

    private static void pooling(Path checkpoint, String json) throws Exception {
        Path folder = Files.createDirectories(checkpoint.resolve("1_Pooling"));
        Files.writeString(folder.resolve("config.json"), json);
    }

    @Test
    void theCommandLineEmbeds() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        float[] owl = embed(checkpoint, Map.of("pooling", "mean", "normalize", true), "an owl");
        String[] options = {
            "embed",
            "--model=" + checkpoint,
            "--dtype=float32",
            "--pooling=mean",
            "--normalize",
            "--json"
        };
        JsonArray rows =
                Cli.runWith("an owl\n\nrain\n", options).json().getAsJsonArray("embeddings");
        assertThat(rows).hasSize(2);
        assertClose(floats(rows.get(0).getAsJsonArray()), owl);
        assertThat(Cli.run("embed", "--model=" + checkpoint, "an owl", "a bird").succeeds().out())
                .contains("an owl", "a bird", "256 values", "1.000");
        assertThat(Cli.run("embed", "--model=" + checkpoint, "--pooling=max", "owl").fault(1))
                .contains("must be last, mean or cls");
        assertThat(Cli.runWith(" \n\n", "embed", "--model=" + checkpoint).fault(2))
                .contains("standard input has no text");
    }

    @Test
    void theCommandLineEmbedsTokenIds() throws Exception {
        Reference reference = Reference.head("bidirectional");
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            long[] ids = reference.array(manager, "row.input_ids").toLongArray();
            String row = Arrays.toString(ids).replaceAll("[\\[\\] ]", "");
            JsonArray rows =
                    Cli.run(
                                    "embed",
                                    "--model=" + reference.directory(),
                                    "--ids=" + row + ";5,6",
                                    "--pooling=mean",
                                    "--json")
                            .json()
                            .getAsJsonArray("embeddings");
            assertThat(rows).hasSize(2);
            assertClose(
                    floats(rows.get(0).getAsJsonArray()),
                    reference.array(manager, "row.mean").toFloatArray());
        }
        String model = "--model=" + reference.directory();
        assertThat(Cli.run("embed", model, "--ids=5", "a text").fault(2)).contains("omit one");
        assertThat(Cli.run("embed", model, "--ids=5", "--prompt=x").fault(2)).contains("prompt");
    }

    private static float[] floats(JsonArray row) {
        float[] values = new float[row.size()];
        for (int i = 0; i < values.length; ++i) {
            values[i] = row.get(i).getAsFloat();
        }
        return values;
    }
}
