/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.Constraint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One sequence of a batch: the tokens of its prompt, and those generated after it. */
public final class Sequence {

    private long[] ids;
    private float[] logProbabilities = new float[16];
    private final List<List<TokenLogProbability>> topLogProbabilities = new ArrayList<>();
    private final List<float[]> scores = new ArrayList<>();
    private final int promptLength;
    private int length;
    private @Nullable Constraint constraint;
    private @Nullable FinishReason finishReason;
    private @Nullable Float beamScore;

    /**
     * Starts a sequence.
     *
     * @param prompt token ids
     */
    public Sequence(long[] prompt) {
        ids = Arrays.copyOf(prompt, prompt.length + 16);
        promptLength = prompt.length;
        length = prompt.length;
    }

    /**
     * Makes an unfinished sequence whose generated tokens have no log-probabilities (NaN).
     *
     * @param prompt token ids
     * @param generated token ids after the prompt
     */
    public Sequence(long[] prompt, long[] generated) {
        this(prompt);
        for (long id : generated) {
            append(id, Float.NaN);
        }
    }

    /** Returns an independent sequence with the same tokens. */
    Sequence copy() {
        Sequence copy = new Sequence(Arrays.copyOf(ids, promptLength));
        for (int i = 0; i < generatedLength(); ++i) {
            copy.append(
                    ids[promptLength + i],
                    logProbabilities[i],
                    topLogProbabilities.get(i),
                    scores.isEmpty() ? null : scores.get(i));
        }
        copy.constraint = constraint();
        return copy;
    }

    /**
     * Constrains the tokens to come.
     *
     * @param next follows the tokens from now on; null for no constraint
     */
    void constrain(@Nullable Constraint next) {
        constraint = next;
    }

    /**
     * Returns what may follow under the {@code response_format}.
     *
     * @return a copy of the constraint; null without one
     */
    public @Nullable Constraint constraint() {
        return constraint == null ? null : constraint.copy();
    }

    /** Returns the number of tokens, prompt included. */
    public int length() {
        return length;
    }

    /** Returns the number of tokens of the prompt. */
    public int promptLength() {
        return promptLength;
    }

    /** Returns the number of generated tokens. */
    public int generatedLength() {
        return length - promptLength;
    }

    /**
     * Returns a token id.
     *
     * @param index from 0, the first token of the prompt
     * @return the id
     */
    public long id(int index) {
        return ids[index];
    }

    /** Returns a copy of the generated token ids. */
    public long[] generated() {
        return Arrays.copyOfRange(ids, promptLength, length);
    }

    /** Returns a copy of the log-probabilities of the generated tokens. */
    public float[] logProbabilities() {
        return Arrays.copyOf(logProbabilities, generatedLength());
    }

    /**
     * Returns the {@code top_logprobs} most likely tokens at the position of each generated token;
     * empty lists without that option.
     */
    public List<List<TokenLogProbability>> topLogProbabilities() {
        return List.copyOf(topLogProbabilities);
    }

    /**
     * Returns the processed scores of the vocabulary for each generated token; empty without {@code
     * output_scores}.
     */
    public List<float[]> scores() {
        return List.copyOf(scores);
    }

    /** Returns the finish reason, or null while the sequence is unfinished. */
    public @Nullable FinishReason finishReason() {
        return finishReason;
    }

    /**
     * Returns the score of beam search, or null without it: the sum of the log-probabilities after
     * the logits processors, divided by the number of generated tokens to the power of {@code
     * length_penalty}; {@code sequences_scores} of the reference.
     */
    public @Nullable Float beamScore() {
        return beamScore;
    }

    /**
     * Appends a token with the values that {@code top_logprobs} and {@code output_scores} ask for.
     */
    void append(
            long id,
            float logProbability,
            List<TokenLogProbability> topTokens,
            float @Nullable [] tokenScores) {
        append(id, logProbability);
        topLogProbabilities.set(topLogProbabilities.size() - 1, topTokens);
        if (tokenScores != null) {
            scores.add(tokenScores);
        }
    }

    void append(long id, float logProbability) {
        if (constraint != null) {
            constraint.advance((int) id);
        }
        topLogProbabilities.add(List.of());
        if (length == ids.length) {
            ids = Arrays.copyOf(ids, length * 2);
        }
        int index = generatedLength();
        if (index == logProbabilities.length) {
            logProbabilities = Arrays.copyOf(logProbabilities, index * 2);
        }
        logProbabilities[index] = logProbability;
        ids[length++] = id;
    }

    void beamScore(float value) {
        beamScore = value;
    }

    void finish(FinishReason reason) {
        finishReason = reason;
    }
}
