/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The additive attention mask: causal or bidirectional, limited to a sliding window, without
 * padding. The causal one defines the result of kernels that take no mask.
 *
 * <p>Causal: the query at position q attends to the key at position p if {@code q - window < p <=
 * q}, that is, to at most {@code window} keys, its own included (arXiv 2310.06825; {@code
 * sliding_window_overlay} of transformers), and p is not padding.
 *
 * <p>Bidirectional: if {@code q - window <= p <= q + window} ({@code
 * sliding_window_bidirectional_overlay} of transformers), and p is not padding. Unlike the causal
 * one, this window counts the keys on either side without the query's own.
 */
public final class AttentionMask {

    /** The mask value: finite, so that the softmax of a fully masked row is not NaN. */
    public static final float MASKED = -1e30f;

    /** A padding mask. */
    @FunctionalInterface
    public interface Padding {

        /**
         * Returns whether a position holds padding.
         *
         * @param row the row of the batch
         * @param position the position in the row, padding included
         */
        boolean isPadding(int row, int position);
    }

    /** Whether a query attends to a key, padding aside. */
    @FunctionalInterface
    private interface Rule {

        boolean attends(int query, int key);
    }

    private AttentionMask() {}

    /**
     * Creates the causal mask as an array.
     *
     * @param manager the manager of the result
     * @param batch number of rows B
     * @param firstQuery position of the first query
     * @param queries number of consecutive queries T
     * @param keyPositions position of each of the K keys, in any order
     * @param window number of keys a query attends to; 0 for all
     * @param padding the padding mask; null for no padding
     * @return float32 (B, 1, T, K) of 0 and {@link #MASKED}
     */
    public static NDArray additive(
            NDManager manager,
            int batch,
            int firstQuery,
            int queries,
            int[] keyPositions,
            int window,
            @Nullable Padding padding) {
        float[] mask = values(batch, firstQuery, queries, keyPositions, window, padding);
        return HostArray.of(manager, mask, new Shape(batch, 1, queries, keyPositions.length));
    }

    /**
     * Creates the bidirectional mask as an array.
     *
     * @param manager the manager of the result
     * @param batch number of rows B
     * @param tokens number of queries and of keys T, at positions 0 to T - 1
     * @param window number of keys a query attends to on either side; 0 for all
     * @param padding the padding mask; null for no padding
     * @return float32 (B, 1, T, T) of 0 and {@link #MASKED}
     */
    public static NDArray bidirectional(
            NDManager manager, int batch, int tokens, int window, @Nullable Padding padding) {
        float[] mask =
                values(
                        batch,
                        0,
                        tokens,
                        IntStream.range(0, tokens).toArray(),
                        (q, p) -> window == 0 || Math.abs(q - p) <= window,
                        padding);
        return HostArray.of(manager, mask, new Shape(batch, 1, tokens, tokens));
    }

    /**
     * Computes the values of the causal mask.
     *
     * <p>Example, window 2, one row, first token padding, all three tokens new: query 0 attends to
     * nothing, query 1 to key 1, query 2 to keys 1 and 2.
     *
     * @param batch number of rows B
     * @param firstQuery position of the first query
     * @param queries number of consecutive queries T
     * @param keyPositions position of each of the K keys, in any order
     * @param window number of keys a query attends to; 0 for all
     * @param padding the padding mask; null for no padding
     * @return B · T · K values, 0 or {@link #MASKED}
     */
    public static float[] values(
            int batch,
            int firstQuery,
            int queries,
            int[] keyPositions,
            int window,
            @Nullable Padding padding) {
        return values(
                batch,
                firstQuery,
                queries,
                keyPositions,
                (q, p) -> p <= q && (window == 0 || p > q - window),
                padding);
    }

    private static float[] values(
            int batch,
            int firstQuery,
            int queries,
            int[] keyPositions,
            Rule rule,
            @Nullable Padding padding) {
        float[] mask =
                new float
                        [Math.multiplyExact(
                                Math.multiplyExact(batch, queries), keyPositions.length)];
        int at = 0;
        for (int b = 0; b < batch; ++b) {
            for (int q = firstQuery; q < firstQuery + queries; ++q) {
                for (int p : keyPositions) {
                    boolean attended =
                            rule.attends(q, p) && (padding == null || !padding.isPadding(b, p));
                    mask[at++] = attended ? 0 : MASKED;
                }
            }
        }
        return mask;
    }
}
