/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Which keys the tokens of a forward pass attend to. The new tokens of all sequences are packed one
 * behind the other.
 *
 * <p>Example: three new tokens of a sequence that has two in its cache, and one of another that has
 * seven, are 4 packed tokens with {@code begins} 0 3 4 and caches of the lengths 2 and 7.
 *
 * <p>Without a mask, the token at index i of its sequence attends to the token at index j if {@code
 * i - window < j <= i}, indices counting from the first token of the sequence.
 *
 * @param begins B + 1 indices: the tokens of sequence b are {@code begins[b]} to {@code begins[b +
 *     1] - 1} of the N packed ones
 * @param caches the keys and values of each sequence, with room for the new tokens; empty if the
 *     tokens attend to those of the pass only
 * @param positions the rotary positions of the N tokens
 * @param inverseFrequencies D/2 inverse frequencies of the rotary embedding
 * @param window the number of keys that a token attends to, its own included; 0 for all
 * @param mask additive mask, float32 (N, K), which replaces the rule above: K is the number of the
 *     last tokens of a sequence, new ones included, that any of its new tokens could attend to; or
 *     null
 * @param weights whether the attention weights are returned, too; requires a mask
 */
// The arrays are not shared.
@SuppressWarnings("ArrayRecordComponent")
public record AttentionInput(
        int[] begins,
        List<KeyValues> caches,
        long[] positions,
        float[] inverseFrequencies,
        int window,
        @Nullable NDArray mask,
        boolean weights) {

    /** Returns the number of sequences B. */
    public int sequences() {
        return begins.length - 1;
    }

    /** Returns the number of new tokens of a sequence. */
    public int tokens(int sequence) {
        return begins[sequence + 1] - begins[sequence];
    }

    /** Returns the number of earlier tokens of a sequence, which its cache has seen. */
    public int past(int sequence) {
        return caches.isEmpty() ? 0 : caches.get(sequence).length();
    }

    /** Returns the number of new tokens of the longest sequence. */
    public int longest() {
        return IntStream.range(0, sequences()).map(this::tokens).max().orElse(0);
    }
}
