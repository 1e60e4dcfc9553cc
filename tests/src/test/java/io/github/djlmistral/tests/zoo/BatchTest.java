/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A batch runs in common forward passes and gives the same answers as single requests. */
class BatchTest extends ZooFixture {

    private static final List<String> QUESTIONS =
            List.of(
                    QUESTION,
                    "Hello!",
                    "What is another word for problem?",
                    "What is a zwirkel, and what does the word water mean?",
                    "define the word violin");

    private static Observed<String, String> texts;
    private static Observed<ChatInput, ChatOutput> chats;

    @BeforeAll
    static void load() throws Exception {
        texts = Observed.load(String.class, String.class);
        chats = Observed.load(ChatInput.class, ChatOutput.class);
    }

    @AfterAll
    static void unload() {
        texts.close();
        chats.close();
    }

    @Test
    void itGivesTheSameTextsAndRunsAsOne() throws Exception {
        try (Predictor<String, String> predictor = texts.newPredictor()) {
            List<String> alone = new ArrayList<>();
            int longest = 0;
            for (String question : QUESTIONS) {
                texts.passes();
                alone.add(predictor.predict(question));
                longest = Math.max(longest, texts.passes().size());
            }
            assertThat(alone).doesNotHaveDuplicates();
            int before = resources(texts.manager());
            assertThat(predictor.batchPredict(QUESTIONS)).isEqualTo(alone);
            assertThat(resources(texts.manager())).isEqualTo(before);
            // as many passes as its longest member needs, each with all that are not finished
            List<Integer> rows = texts.passes().stream().map(Observed.Pass::batch).toList();
            assertThat(rows).hasSize(longest).isSortedAccordingTo(Comparator.reverseOrder());
            assertThat(rows.get(0)).isEqualTo(QUESTIONS.size());
        }
    }

    @Test
    void membersWithOtherOptionsKeepTheirPlaces() throws Exception {
        List<ChatInput> inputs = new ArrayList<>();
        for (int i = 0; i < QUESTIONS.size(); ++i) {
            inputs.add(
                    new ChatInput(
                            List.of(Message.user(QUESTIONS.get(i))),
                            i % 2 == 0 ? Map.of() : Map.of("maxNewTokens", 2)));
        }
        try (Predictor<ChatInput, ChatOutput> predictor = chats.newPredictor()) {
            List<String> alone = new ArrayList<>();
            for (ChatInput input : inputs) {
                alone.add(predictor.predict(input).content());
            }
            chats.passes();
            List<ChatOutput> outputs = predictor.batchPredict(inputs);
            assertThat(outputs).extracting(ChatOutput::content).isEqualTo(alone);
            assertThat(outputs.get(1).completionTokens()).isEqualTo(2);
            assertThat(outputs.get(0).completionTokens()).isEqualTo(18);
            assertThat(chats.passes()).extracting(Observed.Pass::batch).contains(2, 3);
        }
    }

    @Test
    void anEmptyBatchIsEmpty() throws Exception {
        try (Predictor<String, String> predictor = texts.newPredictor()) {
            assertThat(predictor.batchPredict(List.of())).isEmpty();
        }
    }

    @Test
    void bytesAreBatchedAsWell() throws Exception {
        try (Observed<Input, Output> bytes = Observed.load(Input.class, Output.class);
                Predictor<Input, Output> predictor = bytes.newPredictor()) {
            List<Output> outputs =
                    predictor.batchPredict(
                            List.of(input(QUESTION), input("{\"inputs\": \"" + QUESTION + "\"}")));
            assertThat(outputs)
                    .allSatisfy(
                            output ->
                                    assertThat(json(output).get("generated_text").getAsString())
                                            .isEqualTo(ANSWER));
            assertThat(bytes.passes()).allSatisfy(pass -> assertThat(pass.batch()).isEqualTo(2));
        }
    }

    @Test
    void faultyBatchMemberIsNamed() throws Exception {
        try (Predictor<String, String> predictor = texts.newPredictor()) {
            int before = resources(texts.manager());
            assertThatThrownBy(() -> predictor.batchPredict(List.of(QUESTION, "")))
                    .hasMessageContaining("the prompt is empty");
            assertThat(resources(texts.manager())).isEqualTo(before);
            assertAnswers(texts.model());
        }
    }
}
