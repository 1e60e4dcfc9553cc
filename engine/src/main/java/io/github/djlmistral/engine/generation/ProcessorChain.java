/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.engine.internal.generation.Softmax;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns the network's logits into the scores that the next token is selected from. */
final class ProcessorChain {

    private static final String SCORES = "the scores after the logits processors";
    private static final String ALLOW =
            "at least one token must be allowed; check min_new_tokens, eos_token_id, and with a"
                    + " response_format suppress_tokens, bad_words_ids and your own processors";

    private final List<LogitsProcessor> processors;
    private final float guidanceScale;
    private final boolean removeInvalidValues;
    private final @Nullable CompiledGrammar grammar;

    /**
     * Makes a chain.
     *
     * @param processors in the order in which they are applied
     * @param config {@code guidance_scale} and {@code remove_invalid_values}
     * @param grammar the texts that may be generated; null for all
     */
    ProcessorChain(
            List<LogitsProcessor> processors,
            GenerationConfig config,
            @Nullable CompiledGrammar grammar) {
        this.processors = processors;
        this.grammar = grammar;
        guidanceScale = config.get(ConstraintOptions.GUIDANCE_SCALE).floatValue();
        removeInvalidValues = config.get(ConstraintOptions.REMOVE_INVALID_VALUES);
    }

    /** Returns a sequence whose tokens spell a text of the grammar. */
    Sequence sequence(long[] prompt) {
        Sequence sequence = new Sequence(prompt);
        sequence.constrain(grammar == null ? null : grammar.start());
        return sequence;
    }

    /**
     * Applies the processors to the logits of a sequence.
     *
     * @param sequence the tokens so far
     * @param logits the network's logits of the next token; with guidance also those after the
     *     negative prompt. Unchanged, except for the invalid values that are to be removed
     * @return the scores
     * @throws IllegalStateException if logits or scores are NaN or infinite, or no token is allowed
     */
    float[] scores(Sequence sequence, float[]... logits) {
        requireLogits(sequence, logits);
        if (logits.length == 1 && processors.isEmpty()) {
            return logits[0];
        }
        float[] scores = logits.length == 1 ? logits[0].clone() : guided(logits);
        process(sequence, scores);
        requireFinite(scores, sequence, SCORES, ALLOW);
        return scores;
    }

    /**
     * Applies the processors to the log-probabilities of a beam, which may have no allowed token if
     * others have one.
     *
     * @param sequence as {@link #scores} takes it
     * @param logits as {@link #scores} takes them
     * @return the scores, in an array of their own
     * @throws IllegalStateException if logits or scores are NaN or infinite
     */
    float[] logScores(Sequence sequence, float[]... logits) {
        requireLogits(sequence, logits);
        float[] scores = logits.length == 1 ? new Softmax(logits[0]).logs() : guided(logits);
        process(sequence, scores);
        if (Softmax.max(scores) != Float.NEGATIVE_INFINITY) {
            requireFinite(scores, sequence, SCORES, ALLOW);
        }
        return scores;
    }

    /**
     * Classifier-free guidance (Sanchez et al. 2023, arXiv 2306.17806); {@code
     * UnbatchedClassifierFreeGuidanceLogitsProcessor} of the reference.
     */
    private float[] guided(float[][] logits) {
        float[] scores = new Softmax(logits[0]).logs();
        float[] negative = new Softmax(logits[1]).logs();
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = guidanceScale * (scores[i] - negative[i]) + negative[i];
        }
        return scores;
    }

    private void process(Sequence sequence, float[] scores) {
        for (LogitsProcessor processor : processors) {
            processor.process(scores, sequence);
        }
    }

    private void requireLogits(Sequence sequence, float[][] logits) {
        for (float[] row : logits) {
            if (removeInvalidValues) {
                LogitsProcessors.replaceInvalidValues(row);
            }
            requireFinite(
                    row,
                    sequence,
                    "the network's logits",
                    "the weights may be damaged, or float16 may have overflowed: load the model"
                            + " with dtype float32 to tell");
        }
    }

    /** Checks that the maximum is finite: otherwise there is no token to select. */
    private static void requireFinite(
            float[] scores, Sequence sequence, String what, String remedy) {
        float max = Softmax.max(scores);
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
