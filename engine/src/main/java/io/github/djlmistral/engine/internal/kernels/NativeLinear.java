/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.Activations;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.internal.cpu.Matrix;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A linear layer with a quantized weight. */
final class NativeLinear implements QuantizedLinear {

    private final ThreadTeam team;
    private final Matrix matrix;
    private final Supplier<QuantizedLinear> torch;
    private @Nullable QuantizedLinear training;

    /**
     * Creates a layer.
     *
     * @param team the threads
     * @param matrix the weight
     * @param torch creates the same layer for training
     */
    NativeLinear(ThreadTeam team, Matrix matrix, Supplier<QuantizedLinear> torch) {
        this.team = team;
        this.matrix = matrix;
        this.torch = torch;
    }

    @Override
    public NDArray forward(NDArray x) {
        return multiply(team, matrix, x);
    }

    /** Returns x · weightᵀ, (..., rows), for x (..., columns). */
    static NDArray multiply(ThreadTeam team, Matrix matrix, NDArray x) {
        Shape shape = x.getShape();
        int last = shape.dimension() - 1;
        int tokens = Math.toIntExact(shape.size() / Math.max(1, shape.get(last)));
        long in = Address.ofFloats(x, (long) tokens * matrix.columns());
        Shape result = shape.slice(0, last).add(matrix.rows());
        NDArray out = Activations.like(x, result);
        if (tokens > 0) {
            matrix.multiply(team, in, tokens, Address.ofFloats(out, (long) tokens * matrix.rows()));
        }
        return out;
    }

    @Override
    public synchronized QuantizedLinear training() {
        if (training == null) {
            training = torch.get();
        }
        return training;
    }
}
