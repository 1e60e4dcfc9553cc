/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code mistral perplexity}: perplexity of a text, {@code exp} of the mean negative log-likelihood
 * of its tokens, and what quantization costs.
 *
 * <p>A window slides over the text, {@code stride} tokens at a time, and scores the tokens that no
 * earlier window had. This is the procedure of transformers' page "Perplexity of fixed-length
 * models", except that the mean is taken over exactly the scored tokens, of which that page's
 * script counts one too few in each window after the first.
 */
@Command(
        name = "perplexity",
        description = {
            "Measures the perplexity of a text: exp of the mean negative log-likelihood, with a"
                    + " sliding window as in transformers. In conversations, only the"
                    + " assistant's messages are scored.",
            "",
            "With --compare it also measures quantized variants of the model and their KL"
                    + " divergence from the unquantized weights: the mean over the tokens of"
                    + " sum p (log p - log q), in nats."
        },
        customSynopsis = "mistral perplexity [OPTIONS] [FILE]",
        parameterListHeading = "%n",
        footer = {
            "  mistral perplexity text.txt",
            "  cat *.txt | mistral perplexity --context 2048 --stride 512",
            "  mistral perplexity --compare",
            "  mistral perplexity --compare=int4,nf4,model.Q4_0.gguf text.txt"
        })
public final class PerplexityCommand implements Callable<Integer> {

    private static final int DEFAULT_CONTEXT = 512;

    /** Conversations in the style of the embedded model's training data. */
    private static final String DIALOGUES = "dialogues.jsonl";

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            arity = "0..1",
            paramLabel = "FILE",
            description =
                    "UTF-8 text; read from standard input if - or omitted. A .jsonl file has one"
                            + " conversation per line, {\"messages\": [..]}. Default with --compare:"
                            + " conversations with the embedded model.")
    private @Nullable Path file;

    @Option(
            names = {"-c", "--context"},
            paramLabel = "N",
            description =
                    "Window size in tokens. Default: 512, or the model's maximum if that is"
                            + " smaller.")
    private @Nullable Integer context;

    @Option(
            names = "--stride",
            paramLabel = "N",
            description =
                    "Tokens from the start of one window to the next. Default: half of --context.")
    private @Nullable Integer stride;

    @Option(
            names = "--compare",
            arity = "0..1",
            fallbackValue = "",
            split = ",",
            paramLabel = "FORM",
            description =
                    "Variants to compare with the unquantized weights: values of --quantization,"
                            + " GGUF files, checkpoint directories. Default: all int4 and nf4 ones.")
    private @Nullable List<String> compared;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public PerplexityCommand() {}

    @Override
    public Integer call() throws IOException, MalformedModelException {
        if (context != null && context < 2) {
            throw terminal.usage("--context is " + context + ", must be at least 2");
        }
        if (stride != null && stride < 1) {
            throw terminal.usage("--stride is " + stride + ", must be at least 1");
        }
        List<String> variants =
                compared == null
                        ? List.of()
                        : compared.equals(List.of("")) ? WeightVariant.OWN : compared;
        variants.forEach(WeightVariant::check);
        if (compared != null && model.quantization != null) {
            throw terminal.usage(
                    "--compare starts from the unquantized weights: pass '"
                            + model.quantization
                            + "' to it instead of --quantization");
        }
        if (file == null && !hasOwnText() && Terminal.isTerminal(0)) {
            throw terminal.usage("there is no text: give a file or pipe a text in");
        }
        model.setThreads(terminal);
        Path path = model.path(terminal);
        MistralConfig config = MistralConfig.read(path);
        int window = window(config.maxPositionEmbeddings());
        int step = step(window);
        Passages passages = passages(path);
        PerplexityReport report =
                new PerplexityReport(model.model, passages, window, step, compared != null);
        new VariantScorer(terminal, model, passages.windows(window, step))
                .run(path, variants, report);
        if (json.wanted) {
            json.print(terminal, report.json());
        } else {
            report.print(terminal);
        }
        return 0;
    }

    private int window(int positions) {
        int window = context == null ? Math.min(DEFAULT_CONTEXT, positions) : context;
        if (window > positions) {
            throw terminal.usage(
                    "--context is " + window + ", the model's maximum is " + positions);
        }
        return window;
    }

    private int step(int window) {
        int step = stride == null ? Math.max(1, window / 2) : stride;
        if (step > window) {
            throw terminal.usage(
                    "--stride is "
                            + step
                            + ", more than --context, "
                            + window
                            + ": tokens between windows would be skipped");
        }
        return step;
    }

    private Passages passages(Path path) throws IOException {
        try (MistralTokenizer tokenizer = MistralTokenizer.open(path)) {
            String name = file == null ? "-" : file.toString();
            if (!hasOwnText() && !name.endsWith(".jsonl")) {
                String text = text();
                if (text.isEmpty()) {
                    throw new IllegalArgumentException("the text is empty: " + name);
                }
                return Passages.text(tokenizer.encodePlain(text, true));
            }
            ChatTemplate template =
                    ChatTemplate.open(path)
                            .orElseThrow(
                                    () ->
                                            new IllegalArgumentException(
                                                    name
                                                            + " has conversations, but the model has"
                                                            + " no chat template: give a plain"
                                                            + " text"));
            return Passages.conversations(text().lines().toList(), tokenizer, template);
        }
    }

    private boolean hasOwnText() {
        return file == null && compared != null && model.model.equals(Mistral.DEFAULT_MODEL);
    }

    private String text() throws IOException {
        if (hasOwnText()) {
            try (InputStream in = PerplexityCommand.class.getResourceAsStream(DIALOGUES)) {
                return new String(
                        Objects.requireNonNull(in, DIALOGUES).readAllBytes(),
                        StandardCharsets.UTF_8);
            }
        }
        return file == null || file.toString().equals("-")
                ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
                : Files.readString(file);
    }
}
