/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.quantization.Matrices;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A device whose memory Java cannot write to: buffers over its arrays are copies. */
class DeviceMemoryTest {

    private final NDManager manager = NDManager.newBaseManager("PyTorch");

    @AfterEach
    void closeManager() {
        manager.close();
    }

    @Test
    void rowsOfAQuantizedTable() {
        QuantizedWeight table = Matrices.of("int8 g16", 77, 32, 3);
        NDManager device = device();
        NDArray ids = manager.create(new long[] {76, 0, 5}, new Shape(1, 3));
        NDArray onDevice =
                proxy(
                        NDArray.class,
                        ids,
                        (method, arguments) ->
                                method.getName().equals("getManager") ? device : null);
        for (Kernels kernels :
                new Kernels[] {new ReferenceKernels(), new TorchKernels(manager, Dtype.FLOAT32)}) {
            float[] given = kernels.embedding(onDevice, table).toFloatArray();
            float[] row = new float[32];
            for (int i = 0; i < 3; ++i) {
                table.dequantizeRow(new int[] {76, 0, 5}[i], row);
                for (int c = 0; c < 32; ++c) {
                    assertThat(given[i * 32 + c]).isEqualTo(row[c]);
                }
            }
        }
    }

    @Test
    void bfloat16ForTheReferenceKernels() {
        Tensor tensor = Matrices.numbers(Dtype.BFLOAT16, -1, 1, new Random(1), 3, 5, 7);
        NDArray array = new ReferenceKernels().load(device(), tensor);
        assertThat(array.getShape()).isEqualTo(new Shape(3, 5, 7));
        float[] given = array.toFloatArray();
        for (int i = 0; i < given.length; ++i) {
            int bits = tensor.data().getShort(2 * i) << 16;
            assertThat(given[i]).isEqualTo(Float.intBitsToFloat(bits));
        }
    }

    /** A manager that makes arrays of such a device. */
    private NDManager device() {
        return proxy(
                NDManager.class,
                manager,
                (method, arguments) -> {
                    if (!method.getName().equals("create")
                            || arguments.length != 2
                            || !(arguments[1] instanceof DataType type)) {
                        return null;
                    }
                    NDArray array = manager.create((Shape) arguments[0], type);
                    return proxy(
                            NDArray.class,
                            array,
                            (call, values) ->
                                    call.getName().equals("toByteBuffer") ? copy(array) : null);
                });
    }

    private static ByteBuffer copy(NDArray array) {
        ByteBuffer bytes = array.toByteBuffer(true);
        return ByteBuffer.allocate(bytes.remaining())
                .put(bytes)
                .flip()
                .order(ByteOrder.nativeOrder());
    }

    /** The result that replaces a call's; null to keep it. */
    @FunctionalInterface
    private interface Instead {

        Object call(Method method, Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, T real, Instead instead) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (self, method, arguments) -> {
                            Object given = instead.call(method, arguments);
                            if (given != null) {
                                return given;
                            }
                            try {
                                return method.invoke(real, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        }));
    }
}
