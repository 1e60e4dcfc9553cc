/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** Output of {@link PerplexityCommand}. */
final class PerplexityReport {

    private final String model;
    private final Passages passages;
    private final int window;
    private final int stride;
    private final int windows;
    private final boolean comparing;
    private final List<VariantScore> variants = new ArrayList<>();

    /**
     * Creates an empty report.
     *
     * @param model name of the model
     * @param passages evaluation data
     * @param window tokens of a window
     * @param stride tokens between the beginnings of two windows
     * @param comparing whether variants are compared
     */
    PerplexityReport(String model, Passages passages, int window, int stride, boolean comparing) {
        this.model = model;
        this.passages = passages;
        this.window = window;
        this.stride = stride;
        windows = passages.windows(window, stride).size();
        this.comparing = comparing;
    }

    /** Adds a variant; the first is the baseline. */
    void add(VariantScore variant) {
        variants.add(variant);
    }

    Map<String, Object> json() {
        VariantScore base = variants.get(0);
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
        object.put("seconds", variants.stream().mapToDouble(VariantScore::seconds).sum());
        object.put("kernels", ModelOptions.describe(base.kernels(), base.kernelReason()));
        if (comparing) {
            object.put(
                    "variants", IntStream.range(0, variants.size()).mapToObj(this::json).toList());
        }
        return object;
    }

    private Map<String, Object> json(int index) {
        VariantScore variant = variants.get(index);
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("variant", variant.name());
        object.put("bits_per_quantized_weight", variant.bits());
        object.put("weights_bytes", variant.bytes());
        scores(object, variant);
        if (index > 0) {
            object.put("perplexity_change_percent", change(variant));
            object.put("kl_divergence", variant.score().meanDivergence());
            object.put("same_token", variant.score().sameAsBase());
        }
        return object;
    }

    private void scores(Map<String, Object> object, VariantScore variant) {
        object.put("perplexity", variant.score().perplexity());
        object.put("mean_nll", variant.score().meanNll());
        if (passages.answers() > 0) {
            object.put("answers_right", variant.score().answersRight());
        }
    }

    private double change(VariantScore variant) {
        return 100 * Math.expm1(variant.score().meanNll() - variants.get(0).score().meanNll());
    }

    void print(Terminal terminal) {
        if (comparing) {
            table(terminal);
        } else {
            single(terminal);
        }
        VariantScore base = variants.get(0);
        terminal.note(
                String.format(
                        Locale.ROOT,
                        "%d windows of %d tokens, stride %d; %.1f s; %s",
                        windows,
                        window,
                        stride,
                        variants.stream().mapToDouble(VariantScore::seconds).sum(),
                        base.kernelReason()));
    }

    private void single(Terminal terminal) {
        Score score = variants.get(0).score();
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
                            "%d of %d answers match greedy decoding token for token%n",
                            score.answersRight(),
                            passages.answers());
        }
    }

    private void table(Terminal terminal) {
        boolean answers = passages.answers() > 0;
        line(terminal, "variant", "bits", "size", "perplexity", "change", "KL", "same", "answers");
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
        for (int i = 0; i < variants.size(); ++i) {
            VariantScore variant = variants.get(i);
            Score score = variant.score();
            boolean base = i == 0;
            line(
                    terminal,
                    variant.name().replaceFirst("^.*/(?=[^/]+)", ""),
                    variant.bits() == null
                            ? ""
                            : String.format(Locale.ROOT, "%.2f", variant.bits()),
                    Units.bytes(variant.bytes()),
                    String.format(Locale.ROOT, "%.4f", score.perplexity()),
                    base ? "" : String.format(Locale.ROOT, "%+.3f %%", change(variant)),
                    base ? "" : String.format(Locale.ROOT, "%.6f", score.meanDivergence()),
                    base ? "" : String.format(Locale.ROOT, "%.2f %%", 100 * score.sameAsBase()),
                    score.answersRight() + " of " + passages.answers());
        }
        terminal.note(
                "bits per weight of the quantized matrices; KL divergence in nats, mean over "
                        + variants.get(0).score().counted()
                        + " tokens; same: share of tokens whose most likely token is that of"
                        + " the unquantized weights"
                        + (answers ? "; answers that match greedy decoding token for token" : ""));
    }

    /** Only conversations have the last column. */
    private void line(Terminal terminal, Object... cells) {
        terminal.out().printf("| %-24s | %6s | %10s | %10s | %8s | %9s | %7s |", cells);
        if (passages.answers() > 0) {
            terminal.out().printf(" %13s |", cells[cells.length - 1]);
        }
        terminal.out().println();
    }
}
