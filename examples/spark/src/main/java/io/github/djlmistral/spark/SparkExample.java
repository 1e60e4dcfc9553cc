/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import java.io.IOException;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Answers the questions of a text file, one a line, and writes JSON: {@code text}, {@code output}
 * and {@code error}. Run by {@code spark-submit}, or in this JVM with {@code
 * -Dspark.master=local[2]}.
 */
public final class SparkExample {

    private SparkExample() {}

    /**
     * Runs the example.
     *
     * @param arguments the file with the questions; the directory to write; optionally the model
     *     (see {@link MistralTransformer#setModel})
     */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 2) {
            throw new IllegalArgumentException("arguments: QUESTIONS OUTPUT [MODEL]");
        }
        MistralTransformer transformer =
                new MistralTransformer()
                        .setInputCol("value")
                        .setOptions(Map.of("max_new_tokens", 64));
        if (arguments.length > 2) {
            transformer.setModel(arguments[2]);
        }
        try (SparkSession spark = SparkSession.builder().appName("djl-mistral").getOrCreate()) {
            Dataset<Row> questions = spark.read().text(arguments[0]);
            transformer.transform(questions).write().mode("overwrite").json(arguments[1]);
        }
    }
}
