/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mistral classify}. */
@Command(
        name = "classify",
        description =
                "Classifies texts with a checkpoint of MistralForSequenceClassification, and"
                        + " prints the probability of each of its labels.",
        customSynopsis = "mistral classify --model MODEL [OPTIONS] [TEXT...]",
        parameterListHeading = "%n",
        footer = {
            "  mistral classify --model DIR \"a calm sea\"",
            "  mistral classify --model DIR --json < lines.txt"
        })
public final class ClassifyCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Mixin private final TextParameters texts = new TextParameters();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public ClassifyCommand() {}

    @Override
    public Integer call()
            throws IOException,
                    ModelNotFoundException,
                    MalformedModelException,
                    TranslateException {
        List<String> all = texts.read(terminal);
        try (ZooModel<String, Classifications> loaded =
                        model.load(terminal, String.class, Classifications.class);
                Predictor<String, Classifications> predictor = loaded.newPredictor()) {
            List<Classifications> results = predictor.batchPredict(all);
            if (json.wanted) {
                print(all, results, (MistralPreTrainedModel) loaded.getBlock());
            } else {
                print(all, results);
            }
        }
        return 0;
    }

    private void print(
            List<String> all, List<Classifications> results, MistralPreTrainedModel network) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < all.size(); ++i) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("text", all.get(i));
            row.put("label", results.get(i).best().getClassName());
            Map<String, Double> scores = new LinkedHashMap<>();
            for (int c = 0; c < results.get(i).getClassNames().size(); ++c) {
                scores.put(
                        results.get(i).getClassNames().get(c),
                        results.get(i).getProbabilities().get(c));
            }
            row.put("scores", scores);
            rows.add(row);
        }
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", model.model);
        object.put("classifications", rows);
        object.put("kernels", ModelOptions.describe(network.kernels(), network.kernelReason()));
        json.print(terminal, object);
    }

    private void print(List<String> all, List<Classifications> results) {
        for (int i = 0; i < all.size(); ++i) {
            terminal.out().println(all.get(i));
            results.get(i)
                    .items()
                    .forEach(
                            item ->
                                    terminal.out()
                                            .printf(
                                                    Locale.ROOT,
                                                    "%10.4f  %s%n",
                                                    item.getProbability(),
                                                    item.getClassName()));
        }
    }
}
