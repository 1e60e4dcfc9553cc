/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The tokens of one row: the prompt, and what was generated after it. */
public final class Row {

    private long[] ids;
    private float[] logProbabilities = new float[16];
    private final int promptLength;
    private int length;
    private @Nullable FinishReason finish;

    /**
     * Starts a row.
     *
     * @param prompt its tokens
     */
    public Row(long[] prompt) {
        ids = Arrays.copyOf(prompt, prompt.length + 16);
        promptLength = prompt.length;
        length = prompt.length;
    }

    /** Returns how many tokens there are, prompt included. */
    public int length() {
        return length;
    }

    /** Returns how many tokens the prompt has. */
    public int promptLength() {
        return promptLength;
    }

    /** Returns how many tokens were generated. */
    public int generatedLength() {
        return length - promptLength;
    }

    /**
     * Returns a token.
     *
     * @param index its place, 0 for the first of the prompt
     * @return its id
     */
    public long id(int index) {
        return ids[index];
    }

    /** Returns the generated tokens, a copy. */
    public long[] generated() {
        return Arrays.copyOfRange(ids, promptLength, length);
    }

    /** Returns the log-probability of each generated token, a copy. */
    public float[] logProbabilities() {
        return Arrays.copyOf(logProbabilities, generatedLength());
    }

    /** Returns why the row has ended, or null while it goes on. */
    public @Nullable FinishReason finish() {
        return finish;
    }

    void add(long id, float logProbability) {
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

    void end(FinishReason reason) {
        finish = reason;
    }
}
