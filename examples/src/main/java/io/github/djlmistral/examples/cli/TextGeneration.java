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

/** A generation whose text is shown while it grows. */
final class TextGeneration implements AutoCloseable {

    private final MistralPipeline pipeline;
    private final Generation generation;

    /**
     * Starts it.
     *
     * @param pipeline the model
     * @param prompt token ids
     * @param config the options
     */
    TextGeneration(MistralPipeline pipeline, long[] prompt, GenerationConfig config) {
        this.pipeline = pipeline;
        generation = pipeline.start(List.of(prompt), config);
    }

    /**
     * Generates to the end.
     *
     * @param pieces gets the text, whole characters at a time
     * @return the tokens and times
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

    /** Ends it at the next token; may come from another thread. */
    void cancel() {
        generation.cancel();
    }

    @Override
    public void close() {
        generation.close();
    }

    /** Returns how long a generation took, for reading. */
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
