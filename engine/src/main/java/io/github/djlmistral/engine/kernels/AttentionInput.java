/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * Which keys the tokens of a forward pass attend to. The new tokens of all sequences are packed one
 * behind the other.
 *
 * <p>Example: three new tokens of a sequence that has two in its cache, and one of another that has
 * seven, are 4 packed tokens with {@code begins} 0 3 4 and {@code past} 2 7.
 *
 * <p>Without a mask, the token at index i of its sequence attends to the token at index j if {@code
 * i - window < j <= i}, indices counting from the first token that the cache has seen.
 *
 * @param begins B + 1 indices: the tokens of sequence b are {@code begins[b]} to {@code begins[b +
 *     1] - 1} of the N packed ones
 * @param past the number of tokens of each sequence that its cache has seen
 * @param positions the rotary positions of the N tokens
 * @param inverseFrequencies D/2 inverse frequencies of the rotary embedding
 * @param window the number of keys that a token attends to, its own included; 0 for all
 * @param mask additive mask, float32 (B, 1, T, K), which replaces the rule above, for sequences of
 *     T new tokens each: K is the number of the last tokens, new ones included, that any of the T
 *     could attend to; or null
 * @param weights whether the attention weights are returned, too; requires a mask
 */
// The arrays are not shared.
@SuppressWarnings("ArrayRecordComponent")
public record AttentionInput(
        int[] begins,
        int[] past,
        long[] positions,
        float[] inverseFrequencies,
        int window,
        @Nullable NDArray mask,
        boolean weights) {

    /** Returns the number of sequences B. */
    public int sequences() {
        return past.length;
    }

    /** Returns the number of new tokens of a sequence. */
    public int tokens(int sequence) {
        return begins[sequence + 1] - begins[sequence];
    }

    /**
     * Returns the number of new tokens T that each sequence has, behind equally many earlier ones.
     *
     * @throws UnsupportedOperationException if the sequences differ
     */
    public int equalTokens() {
        for (int b = 1; b < sequences(); ++b) {
            if (tokens(b) != tokens(0) || past[b] != past[0]) {
                throw new UnsupportedOperationException(
                        "only the native kernels compute sequences of different lengths");
            }
        }
        return tokens(0);
    }
}
