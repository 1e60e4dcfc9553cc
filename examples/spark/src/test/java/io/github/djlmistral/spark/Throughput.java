/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.zoo.Mistral;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Compares Spark with loops in one JVM, over the same questions: one after the other, and in
 * batches. Arguments: the number of questions; Spark's master, {@code local-cluster[2,1,1024]} by
 * default. Models and executors are started beforehand and not timed.
 */
final class Throughput {

    private static final int BATCH = 32;

    private Throughput() {}

    public static void main(String[] arguments) throws Exception {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2000;
        String master = arguments.length > 1 ? arguments[1] : "local-cluster[2,1,1024]";
        List<String> texts = Words.questions(count);
        double spark = onSpark(master, texts);
        double loop;
        double batches;
        try (ZooModel<String, String> model =
                        Mistral.criteria(String.class, String.class).build().loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            predictor.batchPredict(texts.subList(0, BATCH));
            long start = System.nanoTime();
            for (String text : texts) {
                predictor.predict(text);
            }
            loop = rate(count, start);
            start = System.nanoTime();
            for (int from = 0; from < count; from += BATCH) {
                predictor.batchPredict(texts.subList(from, Math.min(count, from + BATCH)));
            }
            batches = rate(count, start);
        }
        System.out.printf(Locale.ROOT, "%-28s %8s %8s%n", "", "rows/s", "ratio");
        print("loop, one by one", loop, loop);
        print("loop, batches of " + BATCH, batches, loop);
        print(master, spark, loop);
    }

    private static double onSpark(String master, List<String> texts) throws Exception {
        Path temporary = Files.createTempDirectory("throughput");
        Files.createDirectories(Path.of(System.getenv().getOrDefault("SPARK_HOME", "."), "jars"));
        try (SparkSession spark = SparkFixture.session(master, temporary)) {
            MistralTransformer transformer = new MistralTransformer().setBatchSize(BATCH);
            transformer.transform(SparkFixture.questions(spark, 8, texts.subList(0, 64))).count();
            long start = System.nanoTime();
            List<Row> rows =
                    transformer.transform(SparkFixture.questions(spark, 8, texts)).collectAsList();
            double rate = rate(rows.size(), start);
            IntStream.range(0, rows.size())
                    .filter(i -> rows.get(i).getLong(0) != i)
                    .findFirst()
                    .ifPresent(
                            i -> {
                                throw new IllegalStateException("row " + i + " is another one");
                            });
            return rate;
        }
    }

    private static double rate(int rows, long start) {
        return rows / ((System.nanoTime() - start) / 1e9);
    }

    private static void print(String name, double rate, double base) {
        System.out.printf(Locale.ROOT, "%-28s %8.1f %8.2f%n", name, rate, rate / base);
    }
}
