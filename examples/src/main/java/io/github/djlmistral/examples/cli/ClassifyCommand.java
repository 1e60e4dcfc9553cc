/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.nlp.qa.QAInput;
import ai.djl.modality.nlp.translator.NamedEntity;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral classify}. */
@Command(
        name = "classify",
        description = {
            "Runs a checkpoint with a head on texts.",
            "Sequence classification prints the probability of each label, token classification"
                    + " the named entities, question answering the part of each text that answers"
                    + " --question."
        },
        customSynopsis = "mistral classify --model MODEL [OPTIONS] [TEXT...]",
        parameterListHeading = "%n",
        footer = {
            "  mistral classify --adapter DIR \"a calm sea\"",
            "  mistral classify --model DIR \"a calm sea\"",
            "  mistral classify --model DIR --json < lines.txt",
            "  mistral classify --model DIR --question \"Who keeps it?\" --context \"A keeper ..\""
        })
public final class ClassifyCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Mixin private final TextParameters texts = new TextParameters();

    @Option(
            names = "--question",
            paramLabel = "QUESTION",
            description = "The question to a model for question answering.")
    private @Nullable String question;

    @Option(
            names = "--context",
            paramLabel = "TEXT",
            description = "The text that answers the question; another way to give the only TEXT.")
    private @Nullable String context;

    @Option(
            names = "--max-answer-len",
            paramLabel = "N",
            description = "The most tokens of an answer. Default: 15.")
    private @Nullable Integer maxAnswerLen;

    @Option(
            names = "--aggregation-strategy",
            paramLabel = "HOW",
            description =
                    "How tokens become named entities, as in transformers: none, simple, first,"
                            + " average or max. Default: first, words by their first token.")
    private @Nullable String aggregationStrategy;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final AdapterOption adapter = new AdapterOption();

    @Mixin private final JsonOption json = new JsonOption();

    /** What the model found in a text. */
    private record Result(Map<String, Object> fields, List<String> lines) {}

    /** Used by picocli. */
    public ClassifyCommand() {}

    @Override
    public Integer call()
            throws IOException,
                    ModelNotFoundException,
                    MalformedModelException,
                    TranslateException {
        List<String> all = texts();
        try (Model loaded = model.load(terminal, NDList.class, NDList.class, adapter.arguments())) {
            MistralPreTrainedModel network = (MistralPreTrainedModel) loaded.getBlock();
            boolean answers = network instanceof MistralForQuestionAnswering;
            if (answers != (question != null)) {
                String name = network.getClass().getSimpleName();
                throw terminal.usage(
                        answers
                                ? "the model is a " + name + ": give a --question"
                                : "--question needs a MistralForQuestionAnswering, the model is a "
                                        + name);
            }
            if (answers) {
                print("answers", all, answers(loaded, all), network);
            } else if (network instanceof MistralForTokenClassification) {
                print("entities", all, entities(loaded, all), network);
            } else {
                print("classifications", all, classifications(loaded, all), network);
            }
        }
        return 0;
    }

    private List<String> texts() throws IOException {
        if (context == null) {
            return texts.read(terminal);
        }
        if (!texts.given.isEmpty()) {
            throw terminal.usage("there are a TEXT and a --context: omit one of them");
        }
        return List.of(context);
    }

    private <I, O> List<O> predict(Model loaded, Class<I> input, Class<O> output, List<I> inputs)
            throws TranslateException {
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("aggregation_strategy", aggregationStrategy);
        arguments.put("max_answer_len", maxAnswerLen);
        arguments.values().removeIf(value -> value == null);
        arguments.put("truncation", texts.truncation);
        var translator =
                new MistralTranslatorFactory().newInstance(input, output, loaded, arguments);
        try (Predictor<I, O> predictor = loaded.newPredictor(translator)) {
            return predictor.batchPredict(inputs);
        }
    }

    private List<Result> classifications(Model loaded, List<String> all) throws TranslateException {
        List<Result> results = new ArrayList<>();
        for (Classifications classes : predict(loaded, String.class, Classifications.class, all)) {
            Map<String, Double> scores = new LinkedHashMap<>();
            for (int c = 0; c < classes.getClassNames().size(); ++c) {
                scores.put(classes.getClassNames().get(c), classes.getProbabilities().get(c));
            }
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("label", classes.best().getClassName());
            fields.put("scores", scores);
            List<String> lines =
                    classes.<Classifications.Classification>items().stream()
                            .map(item -> line(item.getProbability(), item.getClassName()))
                            .toList();
            results.add(new Result(fields, lines));
        }
        return results;
    }

    private List<Result> entities(Model loaded, List<String> all) throws TranslateException {
        List<Result> results = new ArrayList<>();
        for (NamedEntity[] entities : predict(loaded, String.class, NamedEntity[].class, all)) {
            List<Map<String, Object>> rows = new ArrayList<>();
            List<String> lines = new ArrayList<>();
            for (NamedEntity entity : entities) {
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("entity", entity.getEntity());
                row.put("score", entity.getScore());
                row.put("word", entity.getWord());
                row.put("start", entity.getStart());
                row.put("end", entity.getEnd());
                rows.add(row);
                lines.add(line(entity.getScore(), entity.getEntity() + "  " + entity.getWord()));
            }
            results.add(new Result(Map.of("entities", rows), lines));
        }
        return results;
    }

    private List<Result> answers(Model loaded, List<String> all) throws TranslateException {
        List<QAInput> inputs = all.stream().map(text -> new QAInput(question, text)).toList();
        return predict(loaded, QAInput.class, String.class, inputs).stream()
                .map(answer -> new Result(Map.of("answer", answer), List.of("    " + answer)))
                .toList();
    }

    private static String line(double score, String rest) {
        return String.format(Locale.ROOT, "%10.4f  %s", score, rest);
    }

    private void print(
            String name, List<String> all, List<Result> results, MistralPreTrainedModel network) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < all.size(); ++i) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("text", all.get(i));
            row.putAll(results.get(i).fields);
            rows.add(row);
            if (!json.wanted) {
                terminal.out().println(all.get(i));
                results.get(i).lines.forEach(terminal.out()::println);
            }
        }
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("model", model.model);
            if (question != null) {
                object.put("question", question);
            }
            object.put(name, rows);
            object.put("kernels", ModelOptions.describe(network));
            json.print(terminal, object);
        }
    }
}
