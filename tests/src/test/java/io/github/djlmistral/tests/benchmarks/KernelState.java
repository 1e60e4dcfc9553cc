/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;

/** The kernels under test, and a manager for arrays that live as long as the benchmark. */
final class KernelState implements AutoCloseable {

    final NDManager manager = NDManager.newBaseManager("PyTorch");
    final Kernels kernels;
    private final Random random = new Random(1);

    /**
     * Chooses kernels.
     *
     * @param name as users name them; {@code auto} is what a model gets that is loaded
     * @param dtype their type
     */
    KernelState(String name, String dtype) {
        kernels =
                KernelChoice.of(
                                manager,
                                new ComputeOptions(name, dtype),
                                new Weights(Map.of(), Map.of()))
                        .kernels();
    }

    /** Creates activations with uniform values in [-2, 2). */
    NDArray activations(long... shape) {
        return kernels.activations() == kernels.dtype()
                ? weights(shape)
                : manager.randomUniform(-2, 2, new Shape(shape));
    }

    /** Creates a weight with uniform values in [-2, 2). */
    NDArray weights(long... shape) {
        return kernels.load(manager, Matrices.numbers(Dtype.FLOAT32, -2, 2, random, shape));
    }

    /**
     * Runs an operation once, and frees what it made.
     *
     * @param x its first argument, whose manager results belong to
     * @param operation the operation
     * @return something of the result, for JMH to see
     */
    long run(NDArray x, UnaryOperator<NDArray> operation) {
        try (NDManager step = manager.newSubManager()) {
            x.attach(step);
            long size = operation.apply(x).getShape().size();
            x.attach(manager);
            return size;
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
