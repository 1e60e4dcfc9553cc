/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.examples.cli.Passages.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Has a model, and then forms of it one at a time, foretell the same windows. */
final class FormScorer {

    private final Terminal terminal;
    private final ModelOptions model;
    private final List<Window> windows;

    FormScorer(Terminal terminal, ModelOptions model, List<Window> windows) {
        this.terminal = terminal;
        this.model = model;
        this.windows = windows;
    }

    /**
     * Measures all.
     *
     * @param path the model
     * @param specs the forms to compare it with, as {@link WeightForm#of} takes them
     * @param report gets the results, the model's own first
     */
    void run(Path path, List<String> specs, PerplexityReport report)
            throws IOException, MalformedModelException {
        WeightForm plain = WeightForm.stored(model.model, path);
        MistralCheckpoint checkpoint = plain.checkpoint();
        if (specs.isEmpty()) {
            WeightForm form =
                    model.quantization == null
                            ? plain
                            : WeightForm.of(model.quantization, checkpoint);
            report.add(measure(form, model.kernels, model.dtype, null, null));
            return;
        }
        // the simd kernels round the inputs too, which is not to be told of the weights
        String kernels = model.kernels.equals("auto") ? "torch" : model.kernels;
        try (ScoreFile scores = new ScoreFile(checkpoint.config().vocabSize())) {
            MeasuredForm base = measure(plain, kernels, model.dtype, scores, null);
            report.add(base);
            for (String spec : specs) {
                report.add(compare(spec, checkpoint, kernels, base.dtype(), scores));
            }
        }
    }

    private MeasuredForm compare(
            String spec, MistralCheckpoint base, String kernels, String dtype, ScoreFile baseScores)
            throws IOException, MalformedModelException {
        WeightForm form = WeightForm.of(spec, base);
        int vocabulary = form.checkpoint().config().vocabSize();
        if (vocabulary != base.config().vocabSize()) {
            throw new IllegalArgumentException(
                    String.format(
                            "%s has a vocabulary of %d tokens, %s one of %d: give forms of the same"
                                    + " model",
                            spec, vocabulary, model.model, base.config().vocabSize()));
        }
        baseScores.rewind();
        try {
            return measure(form, kernels, dtype, null, baseScores);
        } finally {
            form.checkpoint().weights().closeExcept(base.weights());
        }
    }

    private MeasuredForm measure(
            WeightForm form,
            String kernels,
            String dtype,
            @Nullable ScoreFile to,
            @Nullable ScoreFile base)
            throws IOException, MalformedModelException {
        Device device = model.device(terminal);
        Score score = new Score();
        long started = System.nanoTime();
        try (NDManager manager = NDManager.newBaseManager(device, "PyTorch");
                Terminal.Progress progress = terminal.progress(form.name(), windows.size())) {
            MistralForCausalLM network =
                    MistralForCausalLM.of(
                            form.checkpoint().config(),
                            form.checkpoint().weights(),
                            form.name(),
                            manager,
                            kernels,
                            dtype);
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
            return new MeasuredForm(
                    form.name(),
                    form.bytes(),
                    form.bits(),
                    score,
                    network.kernels(),
                    network.kernelReason(),
                    seconds);
        }
    }
}
