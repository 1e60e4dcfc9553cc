/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/**
 * The reference kernels with the decoder's rounding of inputs to 4-bit weights to 8 bits: {@code
 * round(x · 127 / m)} with m the largest magnitude of the group.
 */
final class EightBitInputs {

    private static final ReferenceKernels REFERENCE = new ReferenceKernels();

    private EightBitInputs() {}

    static Kernels kernels() {
        return (Kernels)
                Proxy.newProxyInstance(
                        Kernels.class.getClassLoader(),
                        new Class<?>[] {Kernels.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("quantized")
                                    && arguments[1] instanceof Int4 weight) {
                                return linear(
                                        (NDManager) arguments[0],
                                        weight,
                                        weight.groupSize(),
                                        weight.inputOrder());
                            }
                            if (method.getName().equals("quantized")
                                    && arguments[1] instanceof Int6 weight) {
                                return linear(
                                        (NDManager) arguments[0], weight, weight.groupSize(), null);
                            }
                            try {
                                return method.invoke(REFERENCE, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }

    private static QuantizedLinear linear(
            NDManager manager, QuantizedWeight weight, int size, int @Nullable [] given) {
        QuantizedLinear exact = REFERENCE.quantized(manager, weight);
        return x -> {
            float[] values = x.toFloatArray();
            for (int row = 0; row < values.length; row += weight.columns()) {
                for (int group = 0; group < weight.columns(); group += size) {
                    int[] places = new int[size];
                    float largest = 0;
                    for (int i = 0; i < places.length; ++i) {
                        places[i] = row + (given == null ? group + i : given[group + i]);
                        largest = Math.max(largest, Math.abs(values[places[i]]));
                    }
                    for (int place : places) {
                        values[place] =
                                largest == 0
                                        ? 0
                                        : (float) Math.rint(values[place] * (127 / largest))
                                                * (largest / 127);
                    }
                }
            }
            try (NDArray rounded = x.getManager().create(values, x.getShape())) {
                return exact.forward(rounded);
            }
        };
    }
}
