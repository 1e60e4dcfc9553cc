/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.tests.model.Fixture;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionMaskTest extends Fixture {

    private static final float MASKED = AttentionMask.MASKED;

    @Test
    void theExampleOfTheDocumentation() {
        NDArray mask =
                AttentionMask.additive(
                        manager, 1, 0, 3, new int[] {0, 1, 2}, 2, (row, position) -> position == 0);
        assertThat(mask.getShape()).isEqualTo(new Shape(1, 1, 3, 3));
        assertThat(mask.toFloatArray())
                .containsExactly(MASKED, MASKED, MASKED, MASKED, 0, MASKED, MASKED, 0, 0);
    }

    /** Visible keys as a set, walking back from the query: W positions, padding excluded. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void equalsItsDefinition(long seed) {
        Random random = new Random(seed);
        int batch = 1 + random.nextInt(3);
        int first = random.nextInt(6);
        int queries = 1 + random.nextInt(5);
        int end = first + queries;
        int window = random.nextInt(end + 2);
        int[] keys = random.ints(0, end).distinct().limit(1 + random.nextInt(end)).toArray();
        long[][] keep = new long[batch][];
        for (int b = 0; b < batch; ++b) {
            keep[b] = random.longs(end, 0, 2).toArray();
        }
        AttentionMask.Padding padding =
                random.nextBoolean() ? null : (row, position) -> keep[row][position] == 0;

        NDArray mask =
                AttentionMask.additive(manager, batch, first, queries, keys, window, padding);

        assertThat(mask.getShape()).isEqualTo(new Shape(batch, 1, queries, keys.length));
        float[] values = mask.toFloatArray();
        int at = 0;
        for (int b = 0; b < batch; ++b) {
            for (int q = first; q < end; ++q) {
                Set<Integer> seen = new HashSet<>();
                int steps = window == 0 ? q + 1 : window;
                for (int p = q; p >= 0 && steps > 0; --p, --steps) {
                    if (padding == null || keep[b][p] == 1) {
                        seen.add(p);
                    }
                }
                for (int key : keys) {
                    assertThat(values[at++])
                            .as("row %d, query %d, key %d", b, q, key)
                            .isEqualTo(seen.contains(key) ? 0 : MASKED);
                }
            }
        }
    }
}
