/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.zoo.training.PreferenceOptions;
import io.github.djlmistral.zoo.training.PreferenceRecordReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Pairs equal those of trl's {@code DPOTrainer}. */
class PreferenceRecordReaderTest {

    private static final TrainingRecords RECORDS = new TrainingRecords();

    @AfterAll
    static void close() {
        RECORDS.close();
    }

    @Test
    void pairsOfTrl() {
        for (JsonObject c : TrainingRecords.cases("dpo")) {
            PreferenceRecordReader reader =
                    new PreferenceRecordReader(
                            RECORDS.tokenizer(c),
                            new PreferenceOptions(c.get("max_length").getAsInt(), null));
            var fields = TrainingRecords.fields(c.get("record"));
            if (!c.has("prompt_ids")) {
                assertThatThrownBy(() -> reader.read(fields, warning -> {}))
                        .as("%s", c)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("leaves none for the answers");
                continue;
            }
            PreferencePair pair = reader.read(fields, warning -> {});
            assertThat(pair.prompt())
                    .as("%s", c)
                    .isEqualTo(TrainingRecords.ids(c.get("prompt_ids")));
            assertThat(pair.chosen())
                    .as("%s", c)
                    .isEqualTo(TrainingRecords.ids(c.get("chosen_ids")));
            assertThat(pair.rejected())
                    .as("%s", c)
                    .isEqualTo(TrainingRecords.ids(c.get("rejected_ids")));
            assertThat(reader.tokens(pair))
                    .isEqualTo(
                            2 * pair.prompt().length
                                    + pair.chosen().length
                                    + pair.rejected().length);
        }
    }

    @Test
    void aTextAsPromptOfConversations() {
        // the form of HuggingFaceH4/ultrafeedback_binarized
        String conversations =
                "'chosen': [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'a'}],"
                        + " 'rejected': [{'role': 'user', 'content': 'Hi'},"
                        + " {'role': 'assistant', 'content': 'b'}]}";
        PreferenceRecordReader reader = reader("zephyr", PreferenceOptions.DEFAULT);
        PreferencePair pair = read(reader, "{'prompt': 'Hi', 'score': 1, " + conversations);
        PreferencePair implicit = read(reader, "{" + conversations);
        assertThat(pair.prompt()).isEqualTo(implicit.prompt());
        assertThat(pair.chosen()).isEqualTo(implicit.chosen()).isNotEqualTo(pair.rejected());
        assertThat(pair.rejected()).isEqualTo(implicit.rejected());
    }

    @Test
    void idsAreTruncated() {
        String record =
                "{'prompt_ids': [1, 2, 3, 4, 5], 'chosen_ids': [6, 7, 8], 'rejected_ids': [9]}";
        PreferencePair whole = read(reader(null, PreferenceOptions.DEFAULT), record);
        assertThat(whole.prompt()).containsExactly(1, 2, 3, 4, 5);
        assertThat(whole.chosen()).containsExactly(6, 7, 8);
        assertThat(whole.rejected()).containsExactly(9);
        PreferencePair end = read(reader(null, new PreferenceOptions(7, null)), record);
        assertThat(end.prompt()).isEqualTo(whole.prompt());
        assertThat(end.chosen()).containsExactly(6, 7);
        assertThat(end.rejected()).containsExactly(9);
        PreferencePair both = read(reader(null, new PreferenceOptions(4, 2)), record);
        assertThat(both.prompt()).containsExactly(4, 5);
        assertThat(both.chosen()).containsExactly(6, 7);
        refused(reader(null, new PreferenceOptions(5, null)), record, "5 tokens", "max_length, 5");
    }

    @Test
    void badRecords() {
        PreferenceRecordReader reader = reader("zephyr", PreferenceOptions.DEFAULT);
        refused(reader, "{'chosen': 'a'}", "its keys are [chosen]", "\"rejected\"");
        refused(reader, "{'chosen': 'a', 'rejected': 3}", "\"rejected\" is 3, must be a text");
        refused(reader, "{'chosen': [], 'rejected': []}", "\"chosen\" has no messages");
        refused(
                reader,
                "{'chosen': [{'role': 'user', 'content': 'a'}], 'rejected': 'b'}",
                "\"rejected\" is \"b\", must be a list of messages");
        refused(
                reader,
                "{'chosen': [{'role': 'user', 'content': 'a'}],"
                        + " 'rejected': [{'role': 'user', 'content': 'b'}]}",
                "no common messages",
                "give \"prompt\"");
        refused(
                reader,
                "{'prompt': 3, 'chosen': 'a', 'rejected': 'b'}",
                "\"prompt\" is 3, must be a text");
        refused(reader, "{'prompt_ids': [1]}", "\"chosen_ids\" is missing");
        refused(
                reader,
                "{'prompt_ids': [1], 'chosen_ids': [2], 'rejected_ids': []}",
                "its rejected answer has no token");
        refused(
                reader,
                "{'prompt_ids': [], 'chosen_ids': [2], 'rejected_ids': [3, 4]}",
                "its chosen answer has no token");
        assertThatThrownBy(() -> new PreferenceOptions(8, 8))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("max_prompt_length is 8");
    }

    @Test
    void thePromptsTokensChangeWhenTheAnswersFollow() {
        List<String> warnings = new ArrayList<>();
        reader(null, PreferenceOptions.DEFAULT)
                .read(
                        TrainingRecords.fields(
                                JsonParser.parseString(
                                        "{\"prompt\": \"a \", \"chosen\": \"lamp\","
                                                + " \"rejected\": \"light\"}")),
                        warnings::add);
        assertThat(warnings).hasSize(2);
        assertThat(warnings.get(0)).contains("the chosen answer");
        assertThat(warnings.get(1)).contains("the rejected answer");
    }

    private static PreferenceRecordReader reader(String template, PreferenceOptions options) {
        return new PreferenceRecordReader(RECORDS.tokenizer("canonical", template), options);
    }

    private static PreferencePair read(PreferenceRecordReader reader, String record) {
        String json = record.replace("'", "\"");
        return reader.read(
                TrainingRecords.fields(JsonParser.parseString(json)),
                warning -> {
                    throw new AssertionError(warning);
                });
    }

    private static void refused(PreferenceRecordReader reader, String record, String... message) {
        assertThatThrownBy(() -> read(reader, record))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(message);
    }
}
