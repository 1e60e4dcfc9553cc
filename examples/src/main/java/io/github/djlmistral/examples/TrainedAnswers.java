/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Greedy answers of the embedded model, with or without an adapter, to the questions of a file of
 * prompts and completions; prints how many of them are equal to the completion.
 *
 * <pre>examples/mistral --run TrainedAnswers examples/training/categories-test.jsonl [ADAPTER]
 * </pre>
 */
public final class TrainedAnswers {

    private static final int SHOWN = 5;

    private TrainedAnswers() {}

    /**
     * Runs the example.
     *
     * @param arguments the file, with {@code prompt} and {@code completion} (or {@code chosen}) in
     *     each line, lists of one message; optional: the directory of an adapter
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        List<String> questions = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            JsonObject row = JsonParser.parseString(line).getAsJsonObject();
            questions.add(content(row.get("prompt")));
            expected.add(content(row.get(row.has("chosen") ? "chosen" : "completion")));
        }
        Criteria.Builder<String, String> criteria =
                Mistral.criteria(String.class, String.class).optArgument("max_new_tokens", 60);
        if (arguments.length > 1) {
            criteria.optArgument("adapter", arguments[1]);
        }
        try (ZooModel<String, String> model = criteria.build().loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            int equal = 0;
            for (int i = 0; i < questions.size(); ++i) {
                String answer = predictor.predict(questions.get(i));
                equal += answer.equals(expected.get(i)) ? 1 : 0;
                if (i < SHOWN) {
                    System.out.println(questions.get(i) + "  " + answer);
                }
            }
            System.out.printf(
                    Locale.ROOT,
                    "%d of %d answers as expected (%.1f %%)%n",
                    equal,
                    questions.size(),
                    100.0 * equal / questions.size());
        }
    }

    private static String content(JsonElement messages) {
        return messages.getAsJsonArray().get(0).getAsJsonObject().get("content").getAsString();
    }
}
