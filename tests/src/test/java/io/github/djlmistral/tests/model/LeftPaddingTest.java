/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Padding on the left that the attention mask excludes: rows are computed as without it, and at no
 * cost beyond the window.
 */
class LeftPaddingTest extends Fixture {

    private static final int WINDOW = 6;

    /** Sums of up to 15 keys in another order, in two layers: a few float32 roundings. */
    private static final double TOLERANCE = 1e-5;

    private static final int[] PADDING = {0, 5, 2};

    private MistralForCausalLM network(String kernels, int window) throws Exception {
        assumeAvailable(kernels);
        MistralConfig config = RandomNetwork.config(window);
        return RandomNetwork.load(
                config, "float32", manager, new ComputeOptions(kernels, "float32"));
    }

    /** Ids of the columns from {@code from} to {@code to}, the same in each call. */
    private static long[] ids(int from, int to) {
        long[] ids = new long[PADDING.length * (to - from)];
        for (int b = 0; b < PADDING.length; ++b) {
            for (int column = from; column < to; ++column) {
                ids[b * (to - from) + column - from] = (31L * b + 7L * column) % 77;
            }
        }
        return ids;
    }

    private static long[] mask(int length) {
        long[] mask = new long[PADDING.length * length];
        for (int b = 0; b < PADDING.length; ++b) {
            Arrays.fill(mask, b * length + Math.min(length, PADDING[b]), (b + 1) * length, 1);
        }
        return mask;
    }

    /**
     * A prompt of 7 columns in two chunks, then single tokens until the padding is out of sight.
     */
    @ParameterizedTest
    @CsvSource({
        "reference, 0",
        "reference, 6",
        "torch, 0",
        "torch, 6",
        "native, 0",
        "native, 6",
        "native, 500"
    })
    void rowsAreThoseWithoutPadding(String kernels, int window) throws Exception {
        MistralForCausalLM network = network(kernels, window);
        int rows = PADDING.length;
        List<KvCache> masked = caches(network, manager, rows);
        List<KvCache> alone = caches(network, manager, rows);
        int[] ends = {3, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        int from = 0;
        for (int to : ends) {
            try (NDManager scope = manager.newSubManager()) {
                NDArray ids = scope.create(ids(from, to), new Shape(rows, to - from));
                NDArray mask = scope.create(mask(to), new Shape(rows, to));
                NDArray actual =
                        network.forward(
                                        parameters,
                                        ForwardInput.ofIds(ids).caches(masked).attentionMask(mask),
                                        false)
                                .logits();
                for (int row = 0; row < rows; ++row) {
                    int begin = Math.max(from, PADDING[row]);
                    if (begin < to) {
                        long[] positions = LongStream.range(begin, to).toArray();
                        NDIndex own = new NDIndex().addSliceDim(row, row + 1);
                        NDArray text = ids.get(own.addSliceDim(begin - from, to - from));
                        ForwardInput input =
                                ForwardInput.ofIds(text)
                                        .cache(alone.get(row))
                                        .positionIds(
                                                scope.create(positions, new Shape(1, to - begin)));
                        NDArray expected = network.forward(parameters, input, false).logits();
                        NDIndex same = new NDIndex().addSliceDim(row, row + 1);
                        assertClose(
                                actual.get(same.addSliceDim(begin - from, to - from)),
                                expected,
                                TOLERANCE);
                    }
                }
                from = to;
            }
        }
    }

    /** Computes with an explicit mask for as long as a row has padding. */
    @ParameterizedTest
    @CsvSource({"reference", "torch", "native"})
    void maskIsBuiltOnlyWhilePaddingIsInTheWindow(String kernels) throws Exception {
        MistralForCausalLM plain = network(kernels, WINDOW);
        List<Boolean> masked = new ArrayList<>();
        MistralForCausalLM network = through(noting(plain.kernels(), masked), plain);
        int rows = PADDING.length;
        List<KvCache> caches = caches(network, manager, rows);
        try (NDManager scope = manager.newSubManager()) {
            for (int column = 0; column < 15; ++column) {
                NDArray ids = scope.create(ids(column, column + 1), new Shape(rows, 1));
                NDArray mask = scope.create(mask(column + 1), new Shape(rows, column + 1));
                masked.clear();
                network.forward(
                        parameters,
                        ForwardInput.ofIds(ids).caches(caches).attentionMask(mask),
                        false);
                // the longest padding is at 0 to 4, the query at q attends to q - 5 to q
                assertThat(masked).as("column %d", column).containsExactly(column - WINDOW + 1 < 5);
            }
        }
    }

    private static Kernels noting(Kernels kernels, List<Boolean> masked) {
        return observed(
                kernels,
                (name, arguments) -> {
                    if (name.equals("attention")) {
                        masked.add(((AttentionInput) arguments[1]).mask() != null);
                    }
                });
    }
}
