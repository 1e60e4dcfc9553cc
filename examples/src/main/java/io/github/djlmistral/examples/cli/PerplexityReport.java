/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** What {@link PerplexityCommand} prints. */
final class PerplexityReport {

    private final String model;
    private final Passages passages;
    private final int window;
    private final int stride;
    private final int windows;
    private final boolean comparing;
    private final List<MeasuredForm> forms = new ArrayList<>();

    /**
     * Begins it.
     *
     * @param model the model's name
     * @param passages what was to be foretold
     * @param window the tokens of a window
     * @param stride how many it moves on
     * @param comparing whether this is about forms of a model, or about one model
     */
    PerplexityReport(String model, Passages passages, int window, int stride, boolean comparing) {
        this.model = model;
        this.passages = passages;
        this.window = window;
        this.stride = stride;
        windows = passages.windows(window, stride).size();
        this.comparing = comparing;
    }

    /** Adds a form; the first is what the others are compared with. */
    void add(MeasuredForm form) {
        forms.add(form);
    }

    Map<String, Object> json() {
        MeasuredForm base = forms.get(0);
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", model);
        if (!comparing) {
            scores(object, base);
        }
        object.put("tokens", passages.tokens());
        object.put("tokens_counted", base.score().counted());
        if (passages.answers() > 0) {
            object.put("answers", passages.answers());
        }
        object.put("windows", windows);
        object.put("context", window);
        object.put("stride", stride);
        object.put("seconds", forms.stream().mapToDouble(MeasuredForm::seconds).sum());
        object.put("kernels", ModelOptions.describe(base.kernels(), base.kernelReason()));
        if (comparing) {
            object.put("forms", IntStream.range(0, forms.size()).mapToObj(this::json).toList());
        }
        return object;
    }

    private Map<String, Object> json(int index) {
        MeasuredForm form = forms.get(index);
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("form", form.name());
        object.put("bits_per_quantized_weight", form.bits());
        object.put("weights_bytes", form.bytes());
        scores(object, form);
        if (index > 0) {
            object.put("perplexity_change_percent", change(form));
            object.put("kl_divergence", form.score().meanDivergence());
            object.put("same_token", form.score().sameAsBase());
        }
        return object;
    }

    private void scores(Map<String, Object> object, MeasuredForm form) {
        object.put("perplexity", form.score().perplexity());
        object.put("mean_nll", form.score().meanNll());
        if (passages.answers() > 0) {
            object.put("answers_right", form.score().answersRight());
        }
    }

    private double change(MeasuredForm form) {
        return 100 * Math.expm1(form.score().meanNll() - forms.get(0).score().meanNll());
    }

    void print(Terminal terminal) {
        if (comparing) {
            table(terminal);
        } else {
            single(terminal);
        }
        MeasuredForm base = forms.get(0);
        terminal.note(
                String.format(
                        Locale.ROOT,
                        "%d windows of %d tokens, stride %d; %.1f s; %s",
                        windows,
                        window,
                        stride,
                        forms.stream().mapToDouble(MeasuredForm::seconds).sum(),
                        base.kernelReason()));
    }

    private void single(Terminal terminal) {
        Score score = forms.get(0).score();
        terminal.out()
                .printf(
                        Locale.ROOT,
                        "perplexity %.4f (mean negative log-likelihood %.5f over %d tokens)%n",
                        score.perplexity(),
                        score.meanNll(),
                        score.counted());
        if (passages.answers() > 0) {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            "%d of %d answers are the likeliest, token for token%n",
                            score.answersRight(),
                            passages.answers());
        }
    }

    private void table(Terminal terminal) {
        boolean answers = passages.answers() > 0;
        line(terminal, "form", "bits", "size", "perplexity", "change", "KL", "same", "answers");
        line(
                terminal,
                "------------------------",
                "-----:",
                "---------:",
                "---------:",
                "-------:",
                "--------:",
                "------:",
                "------------:");
        for (int i = 0; i < forms.size(); ++i) {
            MeasuredForm form = forms.get(i);
            Score score = form.score();
            boolean base = i == 0;
            line(
                    terminal,
                    form.name().replaceFirst("^.*/(?=[^/]+)", ""),
                    form.bits() == null ? "" : String.format(Locale.ROOT, "%.2f", form.bits()),
                    Units.bytes(form.bytes()),
                    String.format(Locale.ROOT, "%.4f", score.perplexity()),
                    base ? "" : String.format(Locale.ROOT, "%+.3f %%", change(form)),
                    base ? "" : String.format(Locale.ROOT, "%.6f", score.meanDivergence()),
                    base ? "" : String.format(Locale.ROOT, "%.2f %%", 100 * score.sameAsBase()),
                    score.answersRight() + " of " + passages.answers());
        }
        terminal.note(
                "bits for a weight of the quantized matrices; KL divergence in nats, mean over "
                        + forms.get(0).score().counted()
                        + " tokens; same: how often the likeliest token is the plain weights'"
                        + (answers ? "; answers that are the likeliest, token for token" : ""));
    }

    /** Only answers have the last column. */
    private void line(Terminal terminal, Object... cells) {
        terminal.out().printf("| %-24s | %6s | %10s | %10s | %8s | %9s | %7s |", cells);
        if (passages.answers() > 0) {
            terminal.out().printf(" %13s |", cells[cells.length - 1]);
        }
        terminal.out().println();
    }
}
