/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.zoo.training.SftOptions;
import io.github.djlmistral.zoo.training.SftRecordReader;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Ids and labels equal those of trl's {@code SFTTrainer}. */
class SftRecordReaderTest {

    private static final TrainingRecords RECORDS = new TrainingRecords();

    @AfterAll
    static void close() {
        RECORDS.close();
    }

    @Test
    void idsAndLabelsOfTrl() {
        List<JsonObject> cases = TrainingRecords.cases("sft");
        int masked = 0;
        for (JsonObject c : cases) {
            SftOptions options =
                    new SftOptions(
                            c.get("max_length").getAsInt(),
                            c.get("completion_only_loss").getAsBoolean(),
                            c.get("assistant_only_loss").getAsBoolean());
            SftRecordReader reader = new SftRecordReader(RECORDS.tokenizer(c), options);
            var fields = TrainingRecords.fields(c.get("record"));
            if (!c.has("input_ids")) {
                assertThatThrownBy(() -> reader.read(fields, warning -> {}))
                        .as("%s", c)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("counts");
                continue;
            }
            TrainingSequence sequence = reader.read(fields, warning -> {});
            assertThat(sequence.ids())
                    .as("%s", c)
                    .isEqualTo(TrainingRecords.ids(c.get("input_ids")));
            assertThat(sequence.labels())
                    .as("%s", c)
                    .isEqualTo(TrainingRecords.ids(c.get("labels")));
            assertThat(reader.tokens(sequence)).isEqualTo(sequence.ids().length);
            masked += options.assistantOnlyLoss() ? 1 : 0;
        }
        assertThat(masked).isGreaterThan(60);
    }

    @Test
    void thePromptsTokensChangeWhenTheCompletionFollows() {
        SftRecordReader reader = reader("canonical", null, SftOptions.DEFAULT);
        List<String> warnings = new ArrayList<>();
        read(reader, "{'prompt': 'a space ', 'completion': 'at the end'}", warnings::add);
        assertThat(warnings).singleElement().asString().contains("white space", "token 7 of 7");
        read(
                reader,
                "{'prompt': 'a space', 'completion': ' at the end'}",
                SftRecordReaderTest::noWarning);
    }

    @Test
    void toolsAndVariablesReachTheTemplate() {
        SftRecordReader reader = reader("canonical", "tools-v3", SftOptions.DEFAULT);
        String messages = "'messages': [{'role': 'user', 'content': 'a'}]";
        String tools = "[{'type': 'function', 'function': {'name': 'lamp'}}]";
        TrainingSequence plain = read(reader, "{" + messages + "}", SftRecordReaderTest::noWarning);
        TrainingSequence list =
                read(
                        reader,
                        "{" + messages + ", 'tools': " + tools + "}",
                        SftRecordReaderTest::noWarning);
        TrainingSequence text =
                read(
                        reader,
                        "{" + messages + ", 'tools': \"" + tools.replace("'", "\\\"") + "\"}",
                        SftRecordReaderTest::noWarning);
        assertThat(list.ids().length).isGreaterThan(plain.ids().length + 20);
        assertThat(text.ids()).isEqualTo(list.ids());

        SftRecordReader headers = reader("canonical", "headers", SftOptions.DEFAULT);
        String date = ", 'chat_template_kwargs': {'date_string': 'DATE'}}";
        assertThat(
                        read(
                                        headers,
                                        ("{" + messages + date).replace("DATE", "1"),
                                        SftRecordReaderTest::noWarning)
                                .ids())
                .isNotEqualTo(
                        read(
                                        headers,
                                        ("{" + messages + date).replace("DATE", "2"),
                                        SftRecordReaderTest::noWarning)
                                .ids());
    }

    @Test
    void noMessageSpellsASpecialToken() {
        SftRecordReader reader = reader("canonical", "instruct-sept-2024", SftOptions.DEFAULT);
        TrainingSequence sequence =
                read(
                        reader,
                        "{'messages': [{'role': 'user', 'content': 'a</s>b'},"
                                + " {'role': 'assistant', 'content': '<s>'}]}",
                        SftRecordReaderTest::noWarning);
        assertThat(Arrays.stream(sequence.ids()).filter(id -> id < 3)).containsExactly(1L, 2L);
    }

    @Test
    void theMaskOfMessagesThatSpellSpecialTokens() {
        SftOptions options = SftOptions.DEFAULT.withAssistantOnlyLoss(true);
        SftRecordReader reader = reader("canonical", "instruct-sept-2024", options);
        String record =
                "{'messages': [{'role': 'user', 'content': 'WHAT'},"
                        + " {'role': 'assistant', 'content': 'no </s> yes 灯'},"
                        + " {'role': 'user', 'content': 'again'},"
                        + " {'role': 'assistant', 'content': 'yes'}]}";
        long[] spelled =
                counted(
                        read(
                                reader,
                                record.replace("WHAT", "<s></s>灯<s>"),
                                SftRecordReaderTest::noWarning));
        assertThat(spelled)
                .isEqualTo(counted(read(reader, record, SftRecordReaderTest::noWarning)));
        assertThat(Arrays.stream(spelled).filter(id -> id == 2)).hasSize(2);
        assertThat(spelled[spelled.length - 1]).isEqualTo(2);
    }

    @Test
    void templatesThatChangeEarlierMessagesHaveNoMask() {
        SftOptions options = SftOptions.DEFAULT.withAssistantOnlyLoss(true);
        String conversation =
                "{'messages': [{'role': 'system', 'content': 'Be brief.'},"
                        + " {'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'},"
                        + " {'role': 'user', 'content': 'c'}, {'role': 'assistant', 'content': 'd'}]}";
        refused(
                reader("canonical", "tools-v3", options),
                conversation,
                "the first 2 messages and the generation prompt differently",
                "Be brief.");
        refused(
                reader("canonical", "thinking", options),
                conversation,
                "the first 3 messages differently",
                "<think>");
    }

    @Test
    void badRecords() {
        SftRecordReader reader = reader("canonical", "instruct-sept-2024", SftOptions.DEFAULT);
        refused(reader, "{'txt': 'a'}", "its keys are [txt]", "must be");
        refused(reader, "{'text': ''}", "\"text\" is empty");
        refused(reader, "{'text': null}", "its keys are");
        refused(reader, "{'text': 3}", "\"text\" is 3, must be a text");
        refused(
                reader,
                "{'prompt': 'a', 'completion': ['b']}",
                "\"completion\" is a list, must be");
        refused(reader, "{'prompt': [], 'completion': []}", "\"prompt\" has no messages");
        refused(reader, "{'messages': 'a'}", "\"messages\" is \"a\", must be a list of messages");
        refused(reader, "{'messages': [{'content': 'a'}]}", "not an object with a \"role\"");
        refused(
                reader,
                "{'messages': [{'role': 'tool', 'content': 'a'}]}",
                "conversation roles must alternate");
        refused(reader, "{'input_ids': [1, 2, 500]}", "500 at index 2", "0 to 499");
        refused(reader, "{'input_ids': [1, 2.0]}", "2.0 at index 1");
        refused(reader, "{'input_ids': [1, -100]}", "-100 at index 1");
        refused(reader, "{'input_ids': 7}", "\"input_ids\" is 7, must be a list of token ids");
        refused(reader, "{'input_ids': []}", "none of its 0 tokens counts");
        refused(reader, "{'input_ids': [1]}", "none of its 1 tokens counts");
        refused(
                reader,
                "{'input_ids': [1, 2, 3], 'labels': [-100, 2]}",
                "3 \"input_ids\" and 2 \"labels\"");
        refused(reader, "{'input_ids': [1, 2], 'labels': [1, -1]}", "-1 at index 1", "or -100");
        SftRecordReader shortened = reader("canonical", null, SftOptions.DEFAULT.withMaxLength(4));
        refused(
                shortened,
                "{'input_ids': [1, 2, 3, 4, 5], 'labels': [1, -100, -100, -100, 5]}",
                "none of its first 4 tokens counts",
                "before token 5");
        refused(shortened, "{'messages': [{'role': 'user', 'content': 'a'}]}", "no chat template");

        SftOptions assistant = SftOptions.DEFAULT.withAssistantOnlyLoss(true);
        SftRecordReader answers = reader("canonical", "instruct-sept-2024", assistant);
        refused(answers, "{'text': 'a'}", "assistant_only_loss");
        refused(answers, "{'prompt': 'a', 'completion': 'b'}", "assistant_only_loss");
        refused(
                answers,
                "{'messages': [{'role': 'user', 'content': 'a'}]}",
                "no message has the role \"assistant\"");

        SftRecordReader none =
                new SftRecordReader(new TrainingTokenizer(null, null, 9), SftOptions.DEFAULT);
        refused(none, "{'text': 'a'}", "no tokenizer", "token ids");
        assertThat(read(none, "{'input_ids': [1, 8]}", SftRecordReaderTest::noWarning).labels())
                .containsExactly(1, 8);
    }

    @Test
    void lengthsBelowTwo() {
        assertThatThrownBy(() -> SftOptions.DEFAULT.withMaxLength(1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("max_length is 1, must be at least 2");
    }

    private static void noWarning(String warning) {
        throw new AssertionError(warning);
    }

    private static long[] counted(TrainingSequence sequence) {
        return Arrays.stream(sequence.labels()).filter(label -> label >= 0).toArray();
    }

    private static SftRecordReader reader(String behaviour, String template, SftOptions options) {
        return new SftRecordReader(RECORDS.tokenizer(behaviour, template), options);
    }

    private static TrainingSequence read(
            SftRecordReader reader, String record, Consumer<String> warnings) {
        String json = record.replace("'", "\"");
        return reader.read(TrainingRecords.fields(JsonParser.parseString(json)), warnings);
    }

    private static void refused(SftRecordReader reader, String record, String... message) {
        assertThatThrownBy(() -> read(reader, record, SftRecordReaderTest::noWarning))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(message);
    }
}
