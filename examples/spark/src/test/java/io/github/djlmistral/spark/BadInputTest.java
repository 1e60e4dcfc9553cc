/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;

/** What fails on the driver before a job starts, and what fails the job. */
class BadInputTest extends LocalFixture {

    private final MistralTransformer transformer = new MistralTransformer();

    private void rejects(StructType schema, String... message) {
        assertThatThrownBy(() -> transformer.transformSchema(schema))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(message);
    }

    private void rejects(String... message) {
        rejects(QUESTIONS, message);
    }

    @Test
    void missingColumn() {
        transformer.setInputCol("question");
        rejects("no column 'question'", "set inputCol to one of [id, text]");
    }

    @Test
    void columnOfAnotherType() {
        transformer.setInputCol("id");
        rejects("'id' is of type bigint", "complete takes string", "cast it");
    }

    @Test
    void conversationsOfAnotherType() {
        transformer.setTask("chat");
        rejects(
                new StructType().add("text", DataTypes.createArrayType(DataTypes.StringType)),
                "array<string>",
                "array<struct<role: string, content: string>>");
        transformer.setTask("complete");
        StructType message =
                new StructType()
                        .add("role", DataTypes.StringType)
                        .add("content", DataTypes.StringType);
        rejects(
                new StructType().add("text", DataTypes.createArrayType(message)),
                "complete takes string");
    }

    @Test
    void existingColumns() {
        transformer.setOutputCol("id");
        rejects("there is a column 'id' already", "set outputCol");
        transformer.setOutputCol("error");
        rejects("there is a column 'error' already", "set errorCol");
    }

    @Test
    void unknownTask() {
        transformer.setTask("translate");
        rejects("no task 'translate'", "[complete, chat, embed, classify]");
    }

    @Test
    void unknownOption() {
        transformer.setOptions(Map.of("max_tokens", 5));
        rejects("max_tokens", "max_new_tokens");
        transformer.setOptions(Map.of("max_new_tokens", "many"));
        rejects("max_new_tokens is \"many\"", "must be a 32-bit integer");
        transformer.set(transformer.options(), "[]");
        rejects("options is not a JSON object");
    }

    @Test
    void unknownModel() {
        transformer.setModel("mistral-8b");
        rejects("no model 'mistral-8b'", "mistral-tiny-instruct", "hf://OWNER/NAME");
        transformer.setModel("models/mistral");
        rejects("relative path 'models/mistral'", "absolute path");
        transformer.setModel("hf://nobody");
        rejects("nobody");
    }

    @Test
    void batchSize() {
        assertThatThrownBy(() -> transformer.setBatchSize(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("batchSize");
    }

    private void failsTheJob(String... message) {
        assertThatThrownBy(
                        () -> transformer.transform(questions(spark, 1, QUESTION)).collectAsList())
                .hasMessageContainingAll(message);
    }

    @Test
    void directoryThatAnExecutorLacks() {
        String missing = temporary.resolve("missing").toString();
        transformer.setModel(missing);
        failsTheJob(
                "cannot load the model " + missing,
                "does not exist",
                "at this path on every node",
                "hf:// URL");
    }

    @Test
    void modelOfTheHubThatAnExecutorCannotDownload() {
        transformer.setModel("hf://nobody/nothing");
        failsTheJob("cannot load the model hf://nobody/nothing", "HF_HOME", "access to the Hub");
    }

    @Test
    void checkpointOfAnotherHead() {
        transformer.setTask("classify");
        failsTheJob("mistral-tiny-instruct", "MistralForSequenceClassification");
    }

    @Test
    void chatWithoutATemplate() throws Exception {
        Path checkpoint = copy(temporary.resolve("base"), "tokenizer_config.json");
        transformer.setModel(checkpoint.toString()).setTask("chat");
        failsTheJob("no chat template", "set task to complete");
    }
}
