/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.Locale;

/** The timings of a generation. */
final class GenerationTimings {

    private GenerationTimings() {}

    /** Returns them as a sentence. */
    static String describe(GenerationResult result, Kernels kernels) {
        int generated = result.sequences().stream().mapToInt(row -> row.generatedLength()).sum();
        return String.format(
                Locale.ROOT,
                "%d prompt tokens, first token after %.0f ms (%.1f tokens/s); %d generated, %.1f"
                        + " tokens/s%s; kernels %s %s",
                result.promptTokens(),
                result.timeToFirstToken().toNanos() * 1e-6,
                result.prefillTokensPerSecond(),
                generated,
                result.decodeTokensPerSecond(),
                speculation(result.speculation()),
                kernels.name(),
                kernels.dtype());
    }

    private static String speculation(SpeculationMetrics metrics) {
        return metrics.passes() == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        ", %.2f a pass, %d of %d drafted accepted",
                        metrics.tokensPerPass(),
                        metrics.accepted(),
                        metrics.drafted());
    }
}
