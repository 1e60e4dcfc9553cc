/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.zoo.translator.TextStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Concurrent predictors share one model and translator. */
class ConcurrencyTest extends ZooFixture {

    private static final List<String> QUESTIONS =
            List.of(
                    QUESTION,
                    "Hello!",
                    "What is a penguin?",
                    "Name some kinds of dog.",
                    "What does water mean?",
                    "What is a zwirkel?",
                    "define the word violin",
                    "What is a volcano?");

    @Test
    void eightPredictorsOnFourThreads() throws Exception {
        try (ZooModel<String, String> model = texts()) {
            List<String> alone = new ArrayList<>();
            try (Predictor<String, String> predictor = model.newPredictor()) {
                for (String question : QUESTIONS) {
                    alone.add(predictor.predict(question));
                }
            }
            int before = resources(model.getNDManager());
            ExecutorService threads = Executors.newFixedThreadPool(4);
            try {
                CountDownLatch four = new CountDownLatch(4);
                List<Callable<String>> tasks = new ArrayList<>();
                for (int i = 0; i < QUESTIONS.size(); ++i) {
                    String question = QUESTIONS.get(i);
                    boolean streamed = i % 2 == 1;
                    tasks.add(
                            () -> {
                                four.countDown();
                                four.await();
                                return answer(model, question, streamed);
                            });
                }
                List<String> together = new ArrayList<>();
                for (Future<String> answer : threads.invokeAll(tasks)) {
                    together.add(answer.get());
                }
                assertThat(together).isEqualTo(alone);
            } finally {
                threads.shutdownNow();
            }
            assertThat(resources(model.getNDManager())).isEqualTo(before);
        }
    }

    private static String answer(ZooModel<String, String> model, String question, boolean streamed)
            throws Exception {
        try (Predictor<String, String> predictor = model.newPredictor()) {
            if (!streamed) {
                return predictor.predict(question);
            }
            StringBuilder text = new StringBuilder();
            try (TextStream<String> pieces = TextStream.of(predictor.streamingPredict(question))) {
                pieces.forEachRemaining(text::append);
            }
            return text.toString();
        }
    }
}
