/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.jspecify.annotations.Nullable;

/**
 * Which keys a query sees, written out: the definition that every faster path must equal.
 *
 * <p>A key at position p is seen by the query at position q where {@code q - window < p <= q}, so a
 * window of W is W keys, the query's own included (arXiv 2310.06825; {@code sliding_window_overlay}
 * of the reference), and where the padding mask keeps p.
 */
public final class AttentionMask {

    /** What hides a key: finite, so that a row with nothing to see has no NaN. */
    public static final float MASKED = -1e30f;

    private AttentionMask() {}

    /**
     * Writes the mask out.
     *
     * <p>Example, window 2, one row, first token padding ({@code keep = {{0, 1, 1}}}), all three
     * tokens new: query 0 sees nothing, query 1 sees key 1, query 2 sees keys 1 and 2.
     *
     * @param manager the manager of the result
     * @param batch how many rows B the result has
     * @param firstQuery position of the first query
     * @param queries how many queries T follow each other from there
     * @param keyPositions position of each of the K keys, in any order
     * @param window how many keys a query sees; 0 for all
     * @param keep per row and position whether a token counts (1) or is padding (0); null keeps all
     * @return float32 (B, 1, T, K) of zeros and {@link #MASKED}
     */
    public static NDArray additive(
            NDManager manager,
            int batch,
            int firstQuery,
            int queries,
            int[] keyPositions,
            int window,
            long @Nullable [][] keep) {
        float[] mask = new float[Math.multiplyExact(batch * queries, keyPositions.length)];
        int at = 0;
        for (int b = 0; b < batch; ++b) {
            for (int q = firstQuery; q < firstQuery + queries; ++q) {
                for (int p : keyPositions) {
                    boolean seen =
                            p <= q
                                    && (window == 0 || p > q - window)
                                    && (keep == null || keep[b][p] != 0);
                    mask[at++] = seen ? 0 : MASKED;
                }
            }
        }
        return manager.create(mask, new Shape(batch, 1, queries, keyPositions.length));
    }
}
