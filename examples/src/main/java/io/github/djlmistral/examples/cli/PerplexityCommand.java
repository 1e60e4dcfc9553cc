/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code mistral perplexity}: how well a model foretells a text, {@code exp} of the mean negative
 * log-likelihood of its tokens.
 *
 * <p>A window moves over the text, {@code stride} tokens at a time; in each only the tokens that no
 * earlier window had are counted. That is the procedure of transformers' page "Perplexity of
 * fixed-length models" with one difference: the mean is taken over exactly the tokens that were
 * foretold, of which that page's script counts one too few in each window after the first.
 */
@Command(
        name = "perplexity",
        description =
                "Measures how well the model foretells a text: exp of the mean negative"
                        + " log-likelihood, with a sliding window as in transformers.",
        customSynopsis = "mistral perplexity [OPTIONS] [FILE]",
        parameterListHeading = "%n",
        footer = {
            "  mistral perplexity text.txt",
            "  cat *.txt | mistral perplexity --context 2048 --stride 512"
        })
public final class PerplexityCommand implements Callable<Integer> {

    private static final int DEFAULT_CONTEXT = 512;

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            arity = "0..1",
            paramLabel = "FILE",
            description = "The text in UTF-8; - or nothing reads standard input.")
    private @Nullable Path file;

    @Option(
            names = {"-c", "--context"},
            paramLabel = "N",
            description = "Tokens of a window. Default: 512, or what the model has if less.")
    private @Nullable Integer context;

    @Option(
            names = "--stride",
            paramLabel = "N",
            description = "Tokens that the window moves on. Default: half of --context.")
    private @Nullable Integer stride;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public PerplexityCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        if (context != null && context < 2) {
            throw terminal.usage("--context is " + context + ", must be at least 2");
        }
        if (stride != null && stride < 1) {
            throw terminal.usage("--stride is " + stride + ", must be at least 1");
        }
        if (file == null && Terminal.isTerminal(0)) {
            throw terminal.usage("there is no text: give a file, or pipe a text in");
        }
        String text =
                file == null || file.toString().equals("-")
                        ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
                        : Files.readString(file);
        try (ZooModel<NDList, NDList> loaded = model.load(terminal);
                MistralPipeline pipeline = MistralPipeline.open(loaded)) {
            measure(Mistral.network(loaded), loaded.getNDManager(), pipeline.complete(text));
        }
        return 0;
    }

    private void measure(MistralForCausalLM network, NDManager manager, long[] ids) {
        int positions = network.config().maxPositionEmbeddings();
        int window = context == null ? Math.min(DEFAULT_CONTEXT, positions) : context;
        int step = stride == null ? Math.max(1, window / 2) : stride;
        if (window > positions) {
            throw terminal.usage(
                    "--context is " + window + ", the model has positions for " + positions);
        }
        if (step > window) {
            throw terminal.usage(
                    "--stride is "
                            + step
                            + ", more than --context, "
                            + window
                            + ": tokens between two windows would be left out");
        }
        if (ids.length < 2) {
            throw new IllegalArgumentException("the text is too short: it has one token only");
        }
        long started = System.nanoTime();
        double sum = 0;
        int counted = 0;
        int seen = 0;
        int windows = 0;
        try (Terminal.Progress progress = terminal.progress("perplexity", ids.length)) {
            for (int begin = 0; seen < ids.length; begin += step) {
                int end = Math.min(begin + window, ids.length);
                int first = Math.max(seen, begin + 1); // a window's first has nothing before it
                if (first < end) {
                    sum += negativeLogLikelihood(network, manager, ids, begin, first, end);
                    counted += end - first;
                }
                progress.stepBy(end - seen);
                seen = end;
                ++windows;
            }
        }
        double seconds = (System.nanoTime() - started) * 1e-9;
        double mean = sum / counted;
        if (json.wanted) {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("model", model.model);
            result.put("perplexity", Math.exp(mean));
            result.put("mean_nll", mean);
            result.put("tokens", ids.length);
            result.put("tokens_counted", counted);
            result.put("windows", windows);
            result.put("context", window);
            result.put("stride", step);
            result.put("seconds", seconds);
            result.put("kernels", ModelOptions.describe(network.kernels(), network.kernelReason()));
            json.print(terminal, result);
            return;
        }
        terminal.out()
                .printf(
                        Locale.ROOT,
                        "perplexity %.4f (mean negative log-likelihood %.5f over %d tokens)%n",
                        Math.exp(mean),
                        mean,
                        counted);
        terminal.note(
                String.format(
                        Locale.ROOT,
                        "%d windows of %d tokens, stride %d; %.1f s; %s",
                        windows,
                        window,
                        step,
                        seconds,
                        network.kernelReason()));
    }

    /** Sums over the tokens from {@code first} to {@code end}, foretold from {@code begin} on. */
    private static double negativeLogLikelihood(
            MistralForCausalLM network,
            NDManager parent,
            long[] ids,
            int begin,
            int first,
            int end) {
        try (NDManager manager = parent.newSubManager()) {
            long[] input = Arrays.copyOfRange(ids, begin, end);
            int count = end - first;
            // logits of a token are about the next one: one more than counted, less the last
            NDArray logits =
                    network.forward(
                                    new ParameterStore(manager, false),
                                    ForwardInput.ofIds(
                                                    manager.create(
                                                            input, new Shape(1, input.length)))
                                            .logitsToKeep(count + 1),
                                    false)
                            .output();
            NDArray scores = logits.get(new NDIndex(0)).get(new NDIndex().addSliceDim(0, count));
            NDArray targets =
                    manager.create(Arrays.copyOfRange(ids, first, end), new Shape(count, 1));
            NDArray chosen = scores.logSoftmax(-1).gather(targets, 1);
            double sum = 0;
            for (float value : chosen.toFloatArray()) {
                sum -= value;
            }
            return sum;
        }
    }
}
