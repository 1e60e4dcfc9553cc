/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Malicious requests are rejected in one short sentence. */
class HostileRequestTest extends ZooFixture {

    private static ZooModel<Input, Output> model;
    private static Predictor<Input, Output> predictor;

    @BeforeAll
    static void load() throws Exception {
        model = bytes();
        predictor = model.newPredictor();
        predictor.predict(input(QUESTION));
    }

    @AfterAll
    static void unload() {
        predictor.close();
        model.close();
    }

    private static void assertRefused(String body, String... messages) {
        int before = resources(model.getNDManager());
        assertThatThrownBy(() -> predictor.predict(input(body)))
                .isInstanceOf(TranslateException.class)
                .hasMessageContainingAll(messages)
                .satisfies(e -> assertThat(e.getMessage().length()).isLessThan(1500));
        assertThat(resources(model.getNDManager())).isEqualTo(before);
    }

    private static void assertOptionRefused(String option, String value, String... messages) {
        assertRefused(
                "{\"inputs\": \"Hi\", \"parameters\": {\"" + option + "\": " + value + "}}",
                messages);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "max_new_tokens     | 99999999999          | a 32-bit integer",
                "max_new_tokens     | -99999999999         | a 32-bit integer",
                "max_new_tokens     | 1.5                  | a 32-bit integer",
                "max_new_tokens     | true                 | a 32-bit integer",
                "max_new_tokens     | [5]                  | a list of 1",
                "max_new_tokens     | {\"a\": 5}           | an object",
                "max_new_tokens     | -2147483648          | at least 1",
                "min_new_tokens     | 2147483647           | between 0 and max_new_tokens",
                "temperature        | 1e999                | must be a number above 0",
                "temperature        | NaN                  | it is not valid JSON",
                "temperature        | \"Infinity\"         | must be a number above 0",
                "temperature        | -0.0                 | must be a number above 0",
                "temperature        | [0.5]                | must be a number",
                "top_p              | 1e308                | at most 1",
                "top_k              | -1                   | at least 1",
                "repetition_penalty | -1e308               | above 0",
                "do_sample          | 1                    | true or false",
                "do_sample          | \"yes\"              | true or false",
                "seed               | 9223372036854775808  | a 64-bit integer",
                "eos_token_id       | [1, [2]]             | a list of 2",
                "eos_token_id       | {}                   | an object",
                "stop_strings       | 5                    | a string or a list of strings",
                "stop_strings       | [\"a\", 5]           | a string or a list of strings",
                "stop_strings       | [\"a\", null]        | a string or a list of strings",
                "stop_strings       | [[\"a\"]]            | a string or a list of strings",
                "stop_strings       | [\"\"]               | strings of 1 to 1024 characters",
                "prefill_chunk_size | 1000000              | may only lower the model's, 512"
            })
    void valuesOfAnotherTypeOrOutOfRange(String option, String value, String message) {
        assertOptionRefused(option, value, message);
    }

    @Test
    void millionsOfStopStrings() {
        assertOptionRefused(
                "stop_strings",
                "[" + "\"a\",".repeat(1_000_000) + "\"b\"]",
                "stop_strings is a list of 1000001",
                "at most 256 strings");
        assertOptionRefused(
                "stop_strings",
                "\"" + "a".repeat(1_000_000) + "\"",
                "a string of 1000000 characters",
                "strings of 1 to 1024 characters");
        assertOptionRefused(
                "eos_token_id",
                "[" + "2,".repeat(1_000_000) + "2]",
                "eos_token_id is a list of 1000001",
                "at most 1024 tokens");
    }

    @Test
    void valuesAndNamesOfMegabytes() {
        assertOptionRefused("top_k", "1".repeat(1_000_000), "it is not valid JSON");
        assertOptionRefused("top_k", "\"" + "x".repeat(1_000_000) + "\"", "top_k is \"xxxx");
        assertOptionRefused("y".repeat(1_000_000), "1", "unknown generation option \"yyyy");
        assertRefused("{\"inputs\": \"a\", " + "b".repeat(1_000_000), "it is not valid JSON");
    }

    @Test
    void deepJson() {
        String deep = "[".repeat(100_000);
        assertRefused("{\"inputs\": " + deep, "nested more than 64 deep");
        assertOptionRefused("stop_strings", deep + "]".repeat(100_000), "nested more than 64 deep");
        assertRefused("{\"a\":".repeat(100_000), "nested more than 64 deep");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'inputs': 'a'}",
                "{\"inputs\": \"a\"} /* b */",
                "{inputs: \"a\"}",
                "{\"inputs\": \"a\",}",
                "{\"inputs\": \"a\"; \"model\": \"b\"}"
            })
    void invalidJson(String body) {
        assertRefused(body, "it is not valid JSON");
    }

    @Test
    void aBodyThatIsTooLong() {
        assertRefused("a".repeat(9 << 20), "9437184 bytes", "the limit of 8388608");
    }
}
