/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.zoo.Mistral;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.Test;

/** The transformer in {@code local[2]}. */
class MistralTransformerTest extends LocalFixture {

    private static MistralTransformer answers() {
        return new MistralTransformer().setOutputCol("answer");
    }

    @Test
    void completesTexts() {
        List<Row> rows = answers().transform(questions(spark, 1, QUESTION, "Bye")).collectAsList();
        assertThat(rows.get(0).<String>getAs("answer")).isEqualTo(ANSWER);
        assertThat(rows.get(1).<String>getAs("answer")).isEqualTo("Goodbye!");
        assertThat(rows.get(0).<String>getAs("text")).isEqualTo(QUESTION);
        assertThat(rows.get(0).isNullAt(rows.get(0).fieldIndex("error"))).isTrue();
    }

    /** Four partitions in two threads; lengths in disorder; a last batch that is not full. */
    @Test
    void rowsKeepTheirOrderAndOneModelIsLoaded() throws Exception {
        List<String> texts = Words.questions(60);
        Collections.shuffle(texts, new Random(1));
        int before = PredictedRows.MODELS.loads();
        Map<String, Object> options = Map.of("max_new_tokens", 20);
        MistralTransformer transformer = answers().setBatchSize(7).setOptions(options);
        List<Row> rows = transformer.transform(questions(spark, 4, texts)).collectAsList();
        assertThat(rows.stream().map(row -> row.<Long>getAs("id")))
                .isEqualTo(LongStream.range(0, texts.size()).boxed().toList());
        assertThat(rows.stream().map(row -> row.<String>getAs("text"))).isEqualTo(texts);
        assertThat(rows.stream().map(row -> row.<String>getAs("answer")))
                .isEqualTo(predict(texts, options));
        assertThat(PredictedRows.MODELS.loads() - before).isEqualTo(1);
    }

    @Test
    void fewRowsAreReadForFewResults() {
        LongAccumulator pulled = spark.sparkContext().longAccumulator();
        Dataset<Row> texts = questions(spark, 1, Words.questions(200));
        Dataset<Row> counted =
                texts.map(
                        (MapFunction<Row, Row>)
                                row -> {
                                    pulled.add(1);
                                    return row;
                                },
                        Encoders.row(texts.schema()));
        assertThat(answers().setBatchSize(4).transform(counted).takeAsList(2)).hasSize(2);
        assertThat(pulled.value()).isEqualTo(4);
    }

    @Test
    void answersConversations() {
        Dataset<Row> rows =
                spark.sql(
                        "select array(named_struct('role', 'user', 'content', 'What is a fox?'),"
                                + " named_struct('role', 'assistant', 'content', 'a fox'),"
                                + " named_struct('role', 'user', 'content', '"
                                + QUESTION
                                + "')) as text");
        Row row = answers().setTask("chat").transform(rows).first();
        assertThat(row.<String>getAs("answer")).isEqualTo(ANSWER);
        Dataset<Row> question = questions(spark, 1, QUESTION);
        assertThat(answers().setTask("chat").transform(question).first().<String>getAs("answer"))
                .isEqualTo(ANSWER);
    }

    @Test
    void embedsTexts() throws Exception {
        List<String> texts = List.of("a fox", "a lighthouse stands at the sea", "an owl");
        MistralTransformer embeddings =
                new MistralTransformer()
                        .setTask("embed")
                        .setOptions(Map.of("pooling", "mean", "normalize", true));
        List<Row> rows = embeddings.transform(questions(spark, 2, texts)).collectAsList();
        try (ZooModel<String, float[]> model =
                        Mistral.criteria(String.class, float[].class)
                                .optArgument("pooling", "mean")
                                .optArgument("normalize", true)
                                .build()
                                .loadModel();
                Predictor<String, float[]> predictor = model.newPredictor()) {
            for (int i = 0; i < texts.size(); ++i) {
                float[] expected = predictor.predict(texts.get(i));
                List<Float> vector = rows.get(i).getList(rows.get(i).fieldIndex("output"));
                assertThat(vector).hasSize(expected.length);
                for (int k = 0; k < expected.length; ++k) {
                    assertThat(vector.get(k)).isCloseTo(expected[k], within(1e-5f));
                }
            }
        }
    }

    @Test
    void classifiesTexts() throws Exception {
        Path checkpoint = classifier(temporary.resolve("classify"));
        String[] texts = {"a fox", "a lighthouse stands at the sea", "an owl"};
        List<Row> rows =
                answers()
                        .setModel(checkpoint.toString())
                        .setTask("classify")
                        .setOutputCol("class")
                        .transform(questions(spark, 2, texts))
                        .collectAsList();
        try (ZooModel<String, Classifications> model =
                        Mistral.criteria(checkpoint, String.class, Classifications.class)
                                .build()
                                .loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            for (int i = 0; i < texts.length; ++i) {
                Row row = rows.get(i).getAs("class");
                Classifications.Classification best = predictor.predict(texts[i]).best();
                assertThat(row.getString(0)).isEqualTo(best.getClassName());
                assertThat(row.getDouble(1)).isCloseTo(best.getProbability(), within(1e-5));
                Map<String, Double> all = row.getJavaMap(2);
                assertThat(all).containsOnlyKeys("bad", "fair", "good");
                assertThat(all.get(best.getClassName())).isEqualTo(row.getDouble(1));
            }
        }
    }

    @Test
    void rejectedRowsGetAnErrorAndOthersAnAnswer() {
        String tooLong = "lighthouse ".repeat(3000);
        List<Row> rows =
                answers()
                        .transform(
                                questions(spark, 1, QUESTION, "", "Bye", null, tooLong, QUESTION))
                        .collectAsList();
        List<String> answers = new ArrayList<>();
        List<String> errors = new ArrayList<>();
        rows.forEach(
                row -> {
                    answers.add(row.getAs("answer"));
                    errors.add(row.getAs("error"));
                });
        assertThat(answers).containsExactly(ANSWER, null, "Goodbye!", null, null, ANSWER);
        assertThat(errors.get(1)).isEqualTo("the prompt is empty: give at least one character");
        assertThat(errors.get(4)).contains("max_position_embeddings");
        assertThat(errors.stream().filter(error -> error != null)).hasSize(2);
    }

    @Test
    void rejectedConversationsGetAnError() {
        Dataset<Row> rows =
                spark.sql(
                        "select * from values"
                                + " (0L, array(named_struct('role', 'user', 'content', 'Bye'))),"
                                + " (1L, array(named_struct('role', 'user', 'content', null))),"
                                + " (2L, array(named_struct('role', 'assistant', 'content', 'Bye')))"
                                + " as (id, text)");
        List<Row> results = answers().setTask("chat").transform(rows).collectAsList();
        assertThat(results.get(0).<String>getAs("answer")).isEqualTo("Goodbye!");
        assertThat(results.get(1).<String>getAs("error")).contains("null role or content");
        // the template's own message
        assertThat(results.get(2).<String>getAs("error")).contains("roles must alternate");
    }

    @Test
    void isSavedAndLoaded() throws Exception {
        MistralTransformer saved =
                new MistralTransformer()
                        .setModel("mistral-tiny-instruct:int4")
                        .setTask("chat")
                        .setInputCol("question")
                        .setOutputCol("answer")
                        .setErrorCol("reason")
                        .setOptions(Map.of("max_new_tokens", 5, "stop_strings", List.of("\n")))
                        .setBatchSize(3);
        String path = temporary.resolve("transformer").toString();
        saved.write().overwrite().save(path);
        MistralTransformer loaded = MistralTransformer.load(path);
        assertThat(loaded.uid()).isEqualTo(saved.uid());
        assertThat(loaded.params()).hasSize(7);
        assertThat(loaded.extractParamMap().toString())
                .isEqualTo(saved.extractParamMap().toString());
        assertThat(loaded.getOrDefault(loaded.batchSize())).isEqualTo(3);
        assertThat(Files.exists(Path.of(path, "metadata"))).isTrue();
    }

    @Test
    void aPipelineIsSavedAndLoaded() throws Exception {
        MistralTransformer first = answers();
        MistralTransformer second =
                new MistralTransformer()
                        .setInputCol("answer")
                        .setOutputCol("second")
                        .setErrorCol("second_error")
                        .setOptions(Map.of("max_new_tokens", 4));
        Dataset<Row> rows = questions(spark, 2, QUESTION, "What is a fox?");
        PipelineModel model =
                new Pipeline().setStages(new PipelineStage[] {first, second}).fit(rows);
        List<Row> expected = model.transform(rows).collectAsList();
        String path = temporary.resolve("pipeline").toString();
        model.write().overwrite().save(path);
        PipelineModel loaded = PipelineModel.load(path);
        assertThat(loaded.transform(rows).collectAsList()).isEqualTo(expected);
        assertThat(expected.get(0).<String>getAs("answer")).isEqualTo(ANSWER);
    }

    @Test
    void copiesTakeFurtherParameters() {
        MistralTransformer original = answers();
        MistralTransformer copy = original.copy(new ParamMap().put(original.outputCol(), "other"));
        assertThat(copy.getOrDefault(copy.outputCol())).isEqualTo("other");
        assertThat(original.getOrDefault(original.outputCol())).isEqualTo("answer");
        assertThat(copy.uid()).isEqualTo(original.uid());
    }
}
