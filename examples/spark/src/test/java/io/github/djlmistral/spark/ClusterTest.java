/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The transformer in a cluster of two executor JVMs, of which one is killed. {@code
 * -Dspark.questions=20000} asks more questions than CI does. Each is asked about eight times, since
 * to predict each alone takes longer than the cluster does.
 */
class ClusterTest extends SparkFixture {

    private static final int PARTITIONS = 8;

    /** The beginning of an answer shows whether it is the right one. */
    private static final Map<String, Object> OPTIONS = Map.of("max_new_tokens", 8);

    @TempDir Path temporary;

    @Test
    void everyRowIsAnsweredOnceThoughAnExecutorDies() throws Exception {
        int count = Integer.getInteger("spark.questions", 800);
        List<String> different = Words.questions(count / 8);
        List<String> alone = predict(different, OPTIONS);
        int[] asked = new Random(1).ints(count, 0, different.size()).toArray();
        List<String> texts = Arrays.stream(asked).mapToObj(different::get).toList();
        List<String> expected = Arrays.stream(asked).mapToObj(alone::get).toList();
        Path marker = temporary.resolve("killed");
        // row in the middle of a partition in the middle
        long victim = (long) texts.size() * (PARTITIONS + 1) / (2 * PARTITIONS);
        List<Row> rows;
        try (SparkSession spark = cluster(temporary)) {
            Dataset<Row> questions =
                    questions(spark, PARTITIONS, texts)
                            .map(new Kill(victim, marker.toString()), Encoders.row(QUESTIONS));
            Dataset<Row> answers =
                    new MistralTransformer().setOptions(OPTIONS).transform(questions);
            Observe observe = new Observe();
            rows =
                    answers.map(observe, Encoders.row(observe.schema(answers.schema())))
                            .collectAsList();
        }
        assertThat(rows.stream().map(row -> row.<Long>getAs("id")))
                .isEqualTo(LongStream.range(0, texts.size()).boxed().toList());
        assertThat(rows.stream().map(row -> row.<String>getAs("output"))).isEqualTo(expected);
        assertThat(rows).allMatch(row -> row.isNullAt(row.fieldIndex("error")));
        assertThat(marker).as("an executor was killed").exists();
        Row retried = rows.get((int) victim);
        assertThat(retried.<Integer>getAs("attempt")).isPositive();
        assertThat(rows)
                .as("each JVM loads one model")
                .allMatch(row -> row.<Integer>getAs("loads") == 1);
    }

    /** Starts a master, two workers, and an executor of one core in each. */
    static SparkSession cluster(Path temporary) throws IOException {
        // Spark looks for its own jars there, but has those of the tests' class path
        Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
        return session("local-cluster[2,1,1024]", temporary);
    }

    /** Kills the JVM, as a lack of memory does, once for all tasks. */
    private record Kill(long id, String marker) implements MapFunction<Row, Row> {

        @Override
        public Row call(Row row) throws IOException {
            if (row.getLong(0) == id) {
                try {
                    Files.createFile(Path.of(marker));
                    Runtime.getRuntime().halt(137);
                } catch (FileAlreadyExistsException e) {
                    return row;
                }
            }
            return row;
        }
    }

    /** Appends the number of models that the JVM has loaded, and of the task's attempt. */
    private record Observe() implements MapFunction<Row, Row> {

        StructType schema(StructType answers) {
            return answers.add("loads", DataTypes.IntegerType)
                    .add("attempt", DataTypes.IntegerType);
        }

        @Override
        public Row call(Row row) {
            Object[] cells = new Object[row.size() + 2];
            for (int i = 0; i < row.size(); ++i) {
                cells[i] = row.get(i);
            }
            cells[row.size()] = PredictedRows.MODELS.loads();
            cells[row.size() + 1] = TaskContext.get().attemptNumber();
            return RowFactory.create(cells);
        }
    }
}
