/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import java.io.IOException;
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

/** {@code mistral embed}. */
@Command(
        name = "embed",
        description = {
            "Computes embeddings of texts, as sentence-transformers does.",
            "--json prints them as {\"embeddings\": [[..]]}, without it the cosine similarities of"
                    + " the texts are shown. Defaults of pooling, normalization and prompt are read"
                    + " from modules.json and the files that it names, if the checkpoint has them."
        },
        customSynopsis = "mistral embed --model MODEL [OPTIONS] [TEXT...]",
        parameterListHeading = "%n",
        footer = {
            "  mistral embed --model DIR \"a calm sea\" \"a quiet ocean\" \"tax law\"",
            "  mistral embed --model DIR --pooling mean --normalize --json < lines.txt"
        })
public final class EmbedCommand implements Callable<Integer> {

    /** Values of an embedding that are shown without --json. */
    private static final int SHOWN = 6;

    @Mixin private final Terminal terminal = new Terminal();

    @Mixin private final TextParameters texts = new TextParameters();

    @Option(
            names = "--ids",
            paramLabel = "IDS",
            converter = Rows.Converter.class,
            description =
                    "Token IDs instead of texts, as 5,6,7 with ; between texts. No tokenizer is"
                            + " needed.")
    private @Nullable Rows ids;

    @Option(
            names = "--pooling",
            paramLabel = "HOW",
            description =
                    "The token whose hidden state is the embedding, last or cls (the first), or"
                            + " mean. Default: that of the checkpoint, or last.")
    private @Nullable String pooling;

    @Option(
            names = "--normalize",
            negatable = true,
            description =
                    "Scale embeddings to the length 1. Default: as the checkpoint says, or not.")
    private @Nullable Boolean normalize;

    @Option(
            names = "--prompt",
            paramLabel = "PREFIX",
            description =
                    "Put this before each text, such as 'Instruct: ..' of a query. Default: the"
                            + " default prompt of the checkpoint, or none.")
    private @Nullable String prompt;

    @Option(
            names = "--prompt-name",
            paramLabel = "NAME",
            description = "Take the prompt from config_sentence_transformers.json.")
    private @Nullable String promptName;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public EmbedCommand() {}

    @Override
    public Integer call()
            throws IOException,
                    ModelNotFoundException,
                    MalformedModelException,
                    TranslateException {
        if (ids == null) {
            List<String> all = texts.read(terminal);
            run(String.class, all, all);
            return 0;
        }
        if (!texts.given.isEmpty()) {
            throw terminal.usage("there are texts and --ids: omit one of them");
        }
        if (prompt != null || promptName != null) {
            throw terminal.usage("--ids take no prompt: put its IDs into them");
        }
        List<String> names = ids.list().stream().map(row -> row.length + " token IDs").toList();
        run(long[].class, ids.list(), names);
        return 0;
    }

    private <I> void run(Class<I> type, List<I> inputs, List<String> names)
            throws IOException,
                    ModelNotFoundException,
                    MalformedModelException,
                    TranslateException {
        try (ZooModel<I, float[]> loaded = model.load(terminal, type, float[].class, arguments());
                Predictor<I, float[]> predictor = loaded.newPredictor()) {
            List<float[]> embeddings = predictor.batchPredict(inputs);
            if (!json.wanted) {
                print(names, embeddings);
                return;
            }
            MistralPreTrainedModel network = (MistralPreTrainedModel) loaded.getBlock();
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("model", model.model);
            object.put("embeddings", embeddings);
            object.put("kernels", ModelOptions.describe(network));
            json.print(terminal, object);
        }
    }

    private Map<String, Object> arguments() {
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("pooling", pooling);
        arguments.put("normalize", normalize);
        arguments.put("prompt", prompt);
        arguments.put("prompt_name", promptName);
        arguments.values().removeIf(value -> value == null);
        arguments.put("truncation", texts.truncation);
        return arguments;
    }

    /** Prints the beginning of each embedding, and how similar it is to those before. */
    private void print(List<String> names, List<float[]> embeddings) {
        for (int i = 0; i < names.size(); ++i) {
            float[] embedding = embeddings.get(i);
            StringBuilder line = new StringBuilder();
            for (int k = 0; k < Math.min(SHOWN, embedding.length); ++k) {
                line.append(String.format(Locale.ROOT, "%8.4f ", embedding[k]));
            }
            terminal.out().println((i + 1) + "  " + names.get(i));
            terminal.out().println("   " + line + "..  " + embedding.length + " values");
        }
        if (names.size() < 2) {
            return;
        }
        terminal.out().println();
        terminal.out().println("Cosine similarity:");
        for (int i = 0; i < names.size(); ++i) {
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%4d", i + 1));
            for (int k = 0; k <= i; ++k) {
                line.append(
                        String.format(
                                Locale.ROOT,
                                "%7.3f",
                                cosine(embeddings.get(i), embeddings.get(k))));
            }
            terminal.out().println(line);
        }
    }

    private static double cosine(float[] a, float[] b) {
        double product = 0;
        double squaresA = 0;
        double squaresB = 0;
        for (int i = 0; i < a.length; ++i) {
            product += (double) a[i] * b[i];
            squaresA += (double) a[i] * a[i];
            squaresB += (double) b[i] * b[i];
        }
        return product / Math.sqrt(squaresA * squaresB);
    }
}
