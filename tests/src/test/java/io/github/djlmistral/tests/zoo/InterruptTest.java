/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.translator.TextStream;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An interrupted thread gets an exception at the next token, and the model stays usable. */
class InterruptTest extends ZooFixture {

    private static Observed<String, String> texts;

    private Predictor<String, String> predictor;
    private int resources;

    @BeforeAll
    static void load() throws Exception {
        texts = Observed.load(String.class, String.class);
    }

    @AfterAll
    static void unload() {
        texts.close();
    }

    @BeforeEach
    void open() {
        predictor = texts.newPredictor();
        texts.passes();
        resources = resources(texts.manager());
    }

    @AfterEach
    void theModelGoesOn() throws Exception {
        assertThat(Thread.interrupted()).as("the interrupt flag stays set").isTrue();
        assertThat(resources(texts.manager())).isEqualTo(resources);
        assertThat(predictor.predict(QUESTION)).isEqualTo(ANSWER);
        predictor.close();
    }

    @Test
    void predictEndsAtTheNextToken() {
        texts.actAt(3, Thread.currentThread()::interrupt);
        assertThatThrownBy(() -> predictor.predict(QUESTION))
                .isInstanceOf(TranslateException.class)
                .hasCauseInstanceOf(CancellationException.class)
                .hasMessageContaining("interrupted");
        assertThat(texts.passes()).hasSize(4);
    }

    @Test
    void batchPredictEndsAtTheNextToken() {
        texts.actAt(2, Thread.currentThread()::interrupt);
        assertThatThrownBy(() -> predictor.batchPredict(List.of(QUESTION, "What is a fox?")))
                .hasCauseInstanceOf(CancellationException.class);
        assertThat(texts.passes()).hasSize(3);
    }

    @Test
    void aStreamEndsAtTheNextToken() throws Exception {
        try (TextStream<String> stream = TextStream.of(predictor.streamingPredict(QUESTION))) {
            assertThat(stream.next()).isEqualTo("a");
            Thread.currentThread().interrupt();
            assertThatThrownBy(stream::next).isInstanceOf(CancellationException.class);
            // freed before it is closed
            assertThat(resources(texts.manager())).isEqualTo(resources);
        }
    }
}
