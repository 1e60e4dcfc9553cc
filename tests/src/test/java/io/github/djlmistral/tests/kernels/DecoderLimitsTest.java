/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.simd.Decoder;
import io.github.djlmistral.engine.internal.simd.DecoderNetwork;
import io.github.djlmistral.engine.internal.simd.Simd;
import io.github.djlmistral.engine.weights.Dtype;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The decoder at its limits: failures in its threads, matrices beyond 2 GiB. */
class DecoderLimitsTest {

    private static final int SIZE = 16;

    private NDManager manager;

    @BeforeEach
    void openManager() {
        String missing = Simd.missing();
        assumeTrue(missing == null, missing);
        manager = NDManager.newBaseManager("PyTorch");
    }

    @AfterEach
    void closeManager() {
        if (manager != null) {
            manager.close();
        }
    }

    private DecoderNetwork.Matrix ones(long rows, long columns) {
        return new DecoderNetwork.Matrix(manager.ones(new Shape(rows, columns)), null);
    }

    /** One layer with one head, all weights 1 but for the output layer. */
    private Decoder decoder(int hidden, NDArray head) {
        NDArray norm = manager.ones(new Shape(hidden));
        DecoderNetwork.Layer layer =
                new DecoderNetwork.Layer(
                        norm,
                        ones(SIZE, hidden),
                        ones(SIZE, hidden),
                        ones(SIZE, hidden),
                        ones(hidden, SIZE),
                        norm,
                        ones(SIZE, hidden),
                        ones(SIZE, hidden),
                        ones(hidden, SIZE));
        return Simd.decoder(
                new DecoderNetwork(
                        Dtype.FLOAT32,
                        1,
                        1,
                        SIZE,
                        0,
                        1e-5f,
                        new float[SIZE / 2],
                        ones(1, hidden),
                        List.of(layer),
                        norm,
                        new DecoderNetwork.Matrix(head, null)));
    }

    private NDArray forward(Decoder decoder, long id) {
        return forward(decoder, id, manager.zeros(new Shape(1, 1, 4, SIZE)));
    }

    private NDArray forward(Decoder decoder, long id, NDArray layer) {
        NDArray[] cache = {layer};
        return decoder.forward(
                new Decoder.Pass(
                        manager, new long[] {id}, 1, 1, new long[1], cache, cache, 0, null, 1));
    }

    /** Not that other threads gave up because of it; and the next pass computes. */
    @Test
    void theFirstFailureIsTheCause() {
        Decoder decoder = decoder(SIZE, manager.ones(new Shape(SIZE, SIZE)));
        for (int i = 0; i < 100; ++i) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> forward(decoder, 1L << 40))
                    .withCauseInstanceOf(ArithmeticException.class)
                    .satisfies(e -> assertThat(e.getCause().getSuppressed()).isEmpty());
            // every input of the last norm is the same, so the norm makes it 1
            assertThat(forward(decoder, 0).toFloatArray()).containsOnly(SIZE);
        }
    }

    /**
     * NDArrays are not thread-safe, reads included: DJL sets the field behind getShape() at the
     * first call, without a barrier, so that another thread may see a shape without dimensions.
     */
    @Test
    void onlyTheCallingThreadReadsTheCachesShape() {
        Decoder decoder = decoder(SIZE, manager.ones(new Shape(SIZE, SIZE)));
        NDArray cache = manager.zeros(new Shape(1, 1, 4, SIZE));
        Set<Thread> readers = ConcurrentHashMap.newKeySet();
        Object observed =
                Proxy.newProxyInstance(
                        NDArray.class.getClassLoader(),
                        new Class<?>[] {NDArray.class},
                        (proxy, method, arguments) -> {
                            readers.add(Thread.currentThread());
                            return method.invoke(cache, arguments);
                        });
        for (int i = 0; i < 20; ++i) {
            forward(decoder, 0, (NDArray) observed);
        }
        assertThat(readers).containsExactly(Thread.currentThread());
    }

    /**
     * An output layer of 2 GiB and 1 MiB in float32, as a vocabulary of 131,072 and a hidden size
     * beyond 4,096 make it; never written to but for two rows, so it takes no memory.
     */
    @Test
    void readsMatricesBeyondTwoGibibytes() {
        int hidden = 1 << 14;
        int rows = (1 << 15) + 16;
        NDArray head = manager.create(new Shape(rows, hidden), DataType.FLOAT32);
        head.set(new NDIndex(0), 0f);
        head.set(new NDIndex(rows - 1), 1f);
        float[] logits = forward(decoder(hidden, head), 0).toFloatArray();
        assertThat(logits).hasSize(rows);
        assertThat(logits[0]).isZero();
        assertThat(logits[rows - 1]).isCloseTo(hidden, offset(1f));
    }
}
