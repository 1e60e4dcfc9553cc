/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.StepReport;
import io.github.djlmistral.engine.training.TrainerCallback;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Shows the progress of training: a line of JSON a step, or a bar with loss, rate and remaining
 * time on a terminal. It also collects the losses for a chart.
 */
final class TrainingProgress implements TrainerCallback, AutoCloseable {

    private final Terminal terminal;
    private final JsonOption json;
    private final LossChart chart = new LossChart();
    private final AtomicLong tokens = new AtomicLong();
    private final long started = System.nanoTime();
    private Terminal.@Nullable Progress bar;
    private int shown;
    private int evaluated = -1;

    TrainingProgress(Terminal terminal, JsonOption json) {
        this.terminal = terminal;
        this.json = json;
    }

    /** Counts tokens that are trained on, for the rate. */
    void count(long more) {
        tokens.addAndGet(more);
    }

    @Override
    public void onTrainBegin(int firstStep, int maxSteps) {
        shown = firstStep;
        bar = terminal.training(firstStep, maxSteps);
    }

    @Override
    public void onLog(StepReport report) {
        chart.add(report.step(), report.loss());
        if (json.wanted) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("step", report.step());
            line.put("loss", report.loss());
            line.put("grad_norm", report.gradNorm());
            line.put("learning_rate", report.learningRate());
            line.putAll(report.metrics());
            json.print(terminal, line);
        }
        if (bar != null) {
            bar.describe(
                    String.format(Locale.ROOT, "loss %.4f, %.0f tokens/s", report.loss(), rate()));
            bar.stepBy(report.step() - shown);
        }
        shown = report.step();
    }

    @Override
    public void onEvaluate(EvaluationReport report) {
        evaluated = report.step();
        chart.addEvaluation(report.step(), report.loss());
        if (json.wanted) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("step", report.step());
            line.put("eval_loss", report.loss());
            report.metrics().forEach((name, value) -> line.put("eval_" + name, value));
            json.print(terminal, line);
        } else {
            StringBuilder line = new StringBuilder("step " + report.step());
            line.append(String.format(Locale.ROOT, ": evaluation loss %.4f", report.loss()));
            report.metrics()
                    .forEach(
                            (name, value) ->
                                    line.append(
                                            String.format(Locale.ROOT, ", %s %.4f", name, value)));
            terminal.note(line.toString());
        }
    }

    /** Returns whether the evaluation data has been evaluated after this step. */
    boolean hasEvaluated(int step) {
        return evaluated == step;
    }

    /** Returns the tokens per second so far. */
    double rate() {
        return tokens.get() / ((System.nanoTime() - started) * 1e-9);
    }

    /** Returns the seconds so far. */
    double seconds() {
        return (System.nanoTime() - started) * 1e-9;
    }

    /** Writes the chart of the losses; training has not failed if this Java cannot draw. */
    void draw(Path directory) {
        if (chart.isEmpty()) {
            return;
        }
        try {
            chart.write(directory);
            terminal.note("losses: " + directory.resolve("loss.png") + ", loss.svg");
        } catch (IOException e) {
            terminal.note("no chart of the losses: " + ErrorReporter.message(e));
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
