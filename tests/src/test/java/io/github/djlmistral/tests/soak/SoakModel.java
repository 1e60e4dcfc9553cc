/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.Translator;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The embedded model, and the greedy answers that one thread got from it alone. */
final class SoakModel implements AutoCloseable {

    private static final List<String> NOUNS =
            List.of(
                    "lighthouse",
                    "fox",
                    "penguin",
                    "violin",
                    "volcano",
                    "water",
                    "bridge",
                    "dog",
                    "castle",
                    "doctor",
                    "river",
                    "winter",
                    "garden",
                    "hammer",
                    "library",
                    "music");

    /**
     * Two ways to sum float32 give logits that differ by up to 1e-4 (see {@code Fixture.LOGITS}):
     * batches and other threads choose the same token where the best two are further apart.
     */
    private static final float LEAST_GAP = 1e-3f;

    private final ZooModel<String, String> model;
    private final Translator<ChatInput, ChatOutput> chats;
    private final Translator<Input, Output> bytes;
    private final Map<String, String> answers = new LinkedHashMap<>();
    private final List<String> questions;
    private final int resources;

    SoakModel() throws Exception {
        model =
                Mistral.criteria(String.class, String.class)
                        .optArgument("dtype", "float32")
                        .optArgument("prefix_cache_bytes", 0) // what is kept is no leak
                        .build()
                        .loadModel();
        MistralTranslatorFactory factory = new MistralTranslatorFactory();
        chats = factory.newInstance(ChatInput.class, ChatOutput.class, model, Map.of());
        bytes = factory.newInstance(Input.class, Output.class, model, Map.of());
        try (MistralPipeline pipeline = MistralPipeline.open(model);
                Predictor<String, String> predictor = model.newPredictor()) {
            for (String noun : NOUNS) {
                String question = "What is a " + noun + "?";
                if (leastGap(pipeline, question) >= LEAST_GAP) {
                    answers.put(question, predictor.predict(question));
                }
            }
            questions = List.copyOf(answers.keySet());
            predictor.batchPredict(questions); // the kernels make their constants
        }
        if (questions.size() < NOUNS.size() / 2) {
            throw new IllegalStateException("too few answers are certain: " + questions);
        }
        resources = Leaks.resources(manager());
    }

    /** Returns by how much the chosen token's logit was above the next one's, at least. */
    private static float leastGap(MistralPipeline pipeline, String question) {
        float[] least = {Float.MAX_VALUE};
        GenerationConfig config = pipeline.defaults().build();
        try (Generation generation =
                pipeline.generator()
                        .start(
                                List.of(pipeline.encode(question)),
                                config,
                                (scores, sequence) -> {
                                    float[] sorted = scores.clone();
                                    Arrays.sort(sorted);
                                    int last = sorted.length - 1;
                                    least[0] = Math.min(least[0], sorted[last] - sorted[last - 1]);
                                })) {
            while (!generation.next().isEmpty()) {
                // the processor looks at each step
            }
        }
        return least[0];
    }

    NDManager manager() {
        return model.getNDManager();
    }

    List<String> questions() {
        return questions;
    }

    String answer(String question) {
        return answers.get(question);
    }

    Predictor<String, String> texts() {
        return model.newPredictor();
    }

    Predictor<ChatInput, ChatOutput> chats() {
        return model.newPredictor(chats);
    }

    Predictor<Input, Output> bytes() {
        return model.newPredictor(bytes);
    }

    /** Checks an answer against the one that a single thread got. */
    void check(String question, String given) {
        String expected = answer(question);
        if (!expected.equals(given)) {
            throw new AssertionError(question + " " + given + " instead of " + expected);
        }
    }

    /** Checks the pieces of an answer that was cut off. */
    void checkBeginning(String question, String given) {
        String expected = answer(question);
        if (!expected.startsWith(given)) {
            throw new AssertionError(
                    question + " " + given + " is not the beginning of " + expected);
        }
    }

    /** Returns the leaks after all requests have ended, empty if there are none. */
    List<String> leaks() {
        int now = Leaks.resources(manager());
        List<String> leaks = new ArrayList<>();
        if (now != resources) {
            leaks.add("open arrays and managers: " + resources + " before, " + now + " after");
        }
        return leaks;
    }

    @Override
    public void close() {
        model.close();
    }
}
