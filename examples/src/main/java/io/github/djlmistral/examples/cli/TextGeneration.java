/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** A generation that streams its text. */
final class TextGeneration implements AutoCloseable {

    private final MistralPipeline pipeline;
    private final Generation generation;

    /**
     * Starts a generation.
     *
     * @param pipeline the model
     * @param prompt token IDs
     * @param config generation options
     */
    TextGeneration(MistralPipeline pipeline, long[] prompt, GenerationConfig config) {
        this.pipeline = pipeline;
        generation = pipeline.start(List.of(prompt), config);
    }

    /**
     * Generates to the end.
     *
     * @param pieces receives the text in whole characters
     * @return tokens and timings
     */
    GenerationResult run(Consumer<String> pieces) {
        Detokenizer detokenizer = pipeline.tokenizer().newDetokenizer(true);
        List<Token> tokens = generation.next();
        while (!tokens.isEmpty()) {
            pieces.accept(detokenizer.push(tokens.get(0).id()));
            tokens = generation.next();
        }
        pieces.accept(detokenizer.flush());
        return generation.result();
    }

    /** Cancels the generation at the next token. Thread-safe. */
    void cancel() {
        generation.cancel();
    }

    @Override
    public void close() {
        generation.close();
    }

    /** Returns the timings of a generation as a sentence. */
    static String timing(GenerationResult result, Kernels kernels) {
        int generated = result.sequences().stream().mapToInt(row -> row.generatedLength()).sum();
        return String.format(
                Locale.ROOT,
                "%d prompt tokens, first token after %.0f ms (%.1f tokens/s); %d generated, %.1f"
                        + " tokens/s; kernels %s %s",
                result.promptTokens(),
                result.timeToFirstToken().toNanos() * 1e-6,
                result.prefillTokensPerSecond(),
                generated,
                result.decodeTokensPerSecond(),
                kernels.name(),
                kernels.dtype());
    }
}
