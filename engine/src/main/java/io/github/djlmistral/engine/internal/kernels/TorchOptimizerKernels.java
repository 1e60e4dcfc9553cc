/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Updates of parameters in PyTorch, see the resource {@code torch_optimizer.py}. They run in
 * PyTorch's inference mode, in which parameters that require gradients may be changed in place.
 */
public final class TorchOptimizerKernels {

    private final PtNDManager manager;
    private final PtSymbolBlock module;

    /**
     * Compiles the kernels.
     *
     * @param manager the PyTorch manager that owns them
     */
    public TorchOptimizerKernels(NDManager manager) {
        this.manager = (PtNDManager) manager;
        try {
            module =
                    JniUtils.loadModule(
                            this.manager,
                            TorchScriptArchive.of(TorchKernels.text("torch_optimizer.py")),
                            false,
                            false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Runs a method whose result is one of its arguments, changed in place.
     *
     * @param method the name
     * @param arguments arrays, lists of arrays, integers as {@link Long} and {@link Double}
     */
    public void run(String method, Object... arguments) {
        try (Arguments values = new Arguments(arguments);
                IValue result = IValueUtils.runMethod(module, method, values.values)) {
            if (result.isTensor()) {
                result.toTensor(manager).close();
            }
        }
    }

    /**
     * Runs a method that returns an array.
     *
     * @param target the manager of the result
     * @param method the name
     * @param arguments as above
     * @return the result
     */
    public NDArray call(NDManager target, String method, Object... arguments) {
        try (Arguments values = new Arguments(arguments);
                IValue result = IValueUtils.runMethod(module, method, values.values)) {
            return result.toTensor((PtNDManager) target);
        }
    }

    /** Arguments of a method in native memory. */
    private static final class Arguments implements AutoCloseable {

        private final IValue[] values;

        Arguments(Object... arguments) {
            // the profiling executor would compile anew for each shape, see TorchKernels
            JniUtils.setGraphExecutorOptimize(false);
            values = new IValue[arguments.length];
            for (int i = 0; i < arguments.length; i++) {
                values[i] = value(arguments[i]);
            }
        }

        private static IValue value(Object argument) {
            if (argument instanceof PtNDArray array) {
                return IValue.from(array);
            }
            if (argument instanceof List<?> arrays) {
                return IValue.listFrom(arrays.toArray(PtNDArray[]::new));
            }
            return argument instanceof Long number
                    ? IValue.from(number)
                    : IValue.from((double) argument);
        }

        @Override
        public void close() {
            for (IValue value : values) {
                value.close();
            }
        }
    }
}
