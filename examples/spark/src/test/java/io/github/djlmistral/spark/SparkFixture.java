/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.zoo.Mistral;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Sessions, questions and checkpoints of the tests. */
abstract class SparkFixture {

    static final String QUESTION = "What is a lighthouse?";
    static final String ANSWER =
            "a tower with a light that gives warning of shoals to passing ships";

    static final StructType QUESTIONS =
            new StructType().add("id", DataTypes.LongType).add("text", DataTypes.StringType);

    /**
     * Starts a session, to be closed.
     *
     * @param master Spark's master
     * @param temporary an empty directory
     */
    static SparkSession session(String master, Path temporary) {
        return SparkSession.builder()
                .master(master)
                .appName("djl-mistral")
                .config("spark.ui.enabled", false)
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", temporary.resolve("local").toString())
                .config("spark.sql.warehouse.dir", temporary.resolve("warehouse").toString())
                .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
                .config(
                        "spark.executor.extraJavaOptions",
                        "-Dai.djl.offline=true -DOPT_OUT_TRACKING=true")
                .config("spark.executorEnv.OMP_WAIT_POLICY", "PASSIVE")
                .getOrCreate();
    }

    /** Numbers texts from 0, in a data set of some partitions of equal size. */
    static Dataset<Row> questions(
            SparkSession spark, int partitions, List<? extends @Nullable String> texts) {
        List<Row> rows = new ArrayList<>();
        for (@Nullable String text : texts) {
            rows.add(RowFactory.create((long) rows.size(), text));
        }
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        return spark.createDataFrame(context.parallelize(rows, partitions), QUESTIONS);
    }

    static Dataset<Row> questions(SparkSession spark, int partitions, @Nullable String... texts) {
        return questions(spark, partitions, Arrays.asList(texts));
    }

    /** Predicts each text alone, in some threads. */
    static List<String> predict(List<String> texts, Map<String, Object> options) throws Exception {
        Criteria.Builder<String, String> criteria = Mistral.criteria(String.class, String.class);
        options.forEach(criteria::optArgument);
        try (ZooModel<String, String> model = criteria.build().loadModel()) {
            return texts.parallelStream().map(text -> predict(model, text)).toList();
        }
    }

    private static String predict(ZooModel<String, String> model, String text) {
        try (Predictor<String, String> predictor = model.newPredictor()) {
            return predictor.predict(text);
        } catch (TranslateException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Copies the embedded model's files, except some. */
    static Path copy(Path target, String... left) throws Exception {
        Files.createDirectories(target);
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(NDList.class, NDList.class).build().loadModel();
                Stream<Path> files = Files.list(model.getModelPath())) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (!List.of(left).contains(name)) {
                    Files.copy(file, target.resolve(name));
                }
            }
        }
        return target;
    }

    /** Writes the embedded model's backbone with a random head of three classes. */
    static Path classifier(Path temporary) throws Exception {
        Path plain = copy(temporary.resolve("plain"));
        Path checkpoint = copy(temporary.resolve("classifier"), "model.safetensors");
        Path file = checkpoint.resolve("config.json");
        JsonObject config = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        config.add("architectures", JsonParser.parseString("[MistralForSequenceClassification]"));
        config.add("id2label", JsonParser.parseString("{'0': 'bad', '1': 'fair', '2': 'good'}"));
        Files.writeString(file, config.toString());
        Map<String, Tensor> tensors = new LinkedHashMap<>(Checkpoint.open(plain).tensors());
        tensors.remove("lm_head.weight");
        Tensor score =
                Tensor.allocate(
                        "score.weight", Dtype.FLOAT32, 3, config.get("hidden_size").getAsInt());
        FloatBuffer numbers = score.data().asFloatBuffer();
        Random random = new Random(5);
        while (numbers.hasRemaining()) {
            numbers.put((float) random.nextGaussian() / 4);
        }
        tensors.put("score.weight", score);
        Safetensors.write(checkpoint.resolve("model.safetensors"), tensors.values(), Map.of());
        return checkpoint;
    }
}
