/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.examples.cli.Passages.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Scores a model, and then variants of its weights one at a time, on the same windows. */
final class VariantScorer {

    private final Terminal terminal;
    private final ModelOptions model;
    private final List<Window> windows;

    VariantScorer(Terminal terminal, ModelOptions model, List<Window> windows) {
        this.terminal = terminal;
        this.model = model;
        this.windows = windows;
    }

    /**
     * Scores the model and all variants.
     *
     * @param path the model
     * @param specs the variants, as {@link WeightVariant#of} takes them
     * @param report receives the results, those of the model first
     */
    void run(Path path, List<String> specs, PerplexityReport report)
            throws IOException, MalformedModelException {
        ComputeOptions options = model.computeOptions();
        WeightVariant plain = WeightVariant.stored(model.model, path);
        MistralCheckpoint checkpoint = plain.checkpoint();
        if (specs.isEmpty()) {
            WeightVariant variant =
                    model.quantization == null
                            ? plain
                            : WeightVariant.of(model.quantization, checkpoint);
            report.add(measure(variant, options, null, null));
            return;
        }
        // the native kernels also quantize the inputs of int4 weights, whose error would be
        // attributed to the weights
        boolean mayBeNative =
                options.kernels().equals(ComputeOptions.DEFAULT)
                        && model.engine() == DjlEngine.PYTORCH;
        String kernels = mayBeNative ? "torch" : options.kernels();
        String set = options.instructionSet();
        try (LogProbabilityFile scores = new LogProbabilityFile(checkpoint.config().vocabSize())) {
            VariantScore base =
                    measure(
                            plain,
                            new ComputeOptions(
                                    kernels, options.dtype(), set, options.kvCacheDtype()),
                            scores,
                            null);
            ComputeOptions ofBase =
                    new ComputeOptions(kernels, base.dtype(), set, options.kvCacheDtype());
            report.add(base);
            for (String spec : specs) {
                report.add(compare(spec, checkpoint, ofBase, scores));
            }
        }
    }

    private VariantScore compare(
            String spec,
            MistralCheckpoint base,
            ComputeOptions options,
            LogProbabilityFile baseScores)
            throws IOException, MalformedModelException {
        WeightVariant variant = WeightVariant.of(spec, base);
        int vocabulary = variant.checkpoint().config().vocabSize();
        if (vocabulary != base.config().vocabSize()) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s has a vocabulary of %d tokens, %s one of %d: give variants of the same"
                                    + " model",
                            spec,
                            vocabulary,
                            model.model,
                            base.config().vocabSize()));
        }
        baseScores.rewind();
        try {
            return measure(variant, options, null, baseScores);
        } finally {
            variant.checkpoint().weights().closeExcept(base.weights());
        }
    }

    private VariantScore measure(
            WeightVariant variant,
            ComputeOptions options,
            @Nullable LogProbabilityFile to,
            @Nullable LogProbabilityFile base)
            throws IOException, MalformedModelException {
        Score score = new Score();
        long started = System.nanoTime();
        try (NDManager manager = model.newManager(terminal);
                Terminal.Progress progress = terminal.progress(variant.name(), windows.size())) {
            MistralForCausalLM network =
                    MistralForCausalLM.of(
                            variant.checkpoint().config(),
                            variant.checkpoint().weights(),
                            variant.name(),
                            manager,
                            options);
            for (Window window : windows) {
                try (NDManager scope = manager.newSubManager()) {
                    NDArray scores = Score.logProbabilities(network, scope, window);
                    if (base == null) {
                        score.add(window, scores);
                    } else {
                        score.add(window, scores, base.read(scope, window.counted().length));
                    }
                    if (to != null) {
                        to.write(scores);
                    }
                }
                progress.stepBy(1);
            }
            double seconds = (System.nanoTime() - started) * 1e-9;
            return new VariantScore(
                    variant.name(),
                    variant.bytes(),
                    variant.bits(),
                    score,
                    network.kernels(),
                    network.kernelReason(),
                    seconds);
        }
    }
}
