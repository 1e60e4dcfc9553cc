/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;

/** Turns the network's logits into the scores that the next token is selected from. */
final class ProcessorChain {

    private final List<LogitsProcessor> processors;

    /**
     * Makes a chain.
     *
     * @param processors in the order in which they are applied
     */
    ProcessorChain(List<LogitsProcessor> processors) {
        this.processors = processors;
    }

    /**
     * Applies the processors to the logits of a sequence.
     *
     * @param sequence the tokens so far
     * @param logits the network's logits of the next token, which stay as they are
     * @return the scores
     * @throws IllegalStateException if logits or scores are NaN or infinite, or no token is allowed
     */
    float[] scores(Sequence sequence, float[] logits) {
        requireFinite(sequence, logits);
        if (processors.isEmpty()) {
            return logits;
        }
        float[] scores = logits.clone();
        process(sequence, scores);
        requireFinite(
                scores,
                sequence,
                "the scores after the logits processors",
                "at least one token must be allowed; check min_new_tokens, eos_token_id and your"
                        + " own processors");
        return scores;
    }

    /** Applies the processors in place, without a check. */
    void process(Sequence sequence, float[] scores) {
        for (LogitsProcessor processor : processors) {
            processor.process(scores, sequence);
        }
    }

    /**
     * Checks the network's logits.
     *
     * @throws IllegalStateException if they are NaN or infinite
     */
    static void requireFinite(Sequence sequence, float[] logits) {
        requireFinite(
                logits,
                sequence,
                "the network's logits",
                "the weights may be damaged, or float16 may have overflowed: load the model with"
                        + " dtype float32 to tell");
    }

    /** Checks that the maximum is finite: otherwise there is no token to select. */
    private static void requireFinite(
            float[] scores, Sequence sequence, String what, String remedy) {
        float max = Sampler.max(scores);
        if (!Float.isFinite(max)) {
            throw new IllegalStateException(
                    what
                            + " for token "
                            + sequence.length()
                            + " "
                            + (max == Float.NEGATIVE_INFINITY
                                    ? "are all -Infinity"
                                    : "contain " + max)
                            + ": "
                            + remedy);
        }
    }
}
