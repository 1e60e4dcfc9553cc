/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.internal.quantization.Int6Layout;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A linear layer with a quantized weight, computed by PyTorch; the scripts are in the resource
 * {@code torch_quantized.py}.
 *
 * <p>For many rows of input the weight is dequantized: {@linkplain DequantizedBlocks in blocks} on
 * a CPU, as a whole on a GPU. For few rows, {@link Int4} weights with bfloat16 kernels use
 * PyTorch's int4 operator, which reads codes and scales only; in other data types it is slow. It
 * needs its own layout, which is created at the first such call and is as large as the codes, and
 * rounds scales and offsets to bfloat16: the absolute error of a weight is at most 2^-8 of {@code
 * |scale · (q - 8)| + |offset + 8 · scale|}.
 */
final class TorchQuantizedLinear implements QuantizedLinear {

    private static final Logger LOGGER = LoggerFactory.getLogger(TorchQuantizedLinear.class);

    /**
     * Maximum number of rows for the int4 operator on a CPU. On one core of Zen 4 with Java 17, for
     * 14336 x 4096 and 4096 x 14336 in groups of 128, the operator takes 3.5 ms for one row and 1.4
     * ms per row for many; dequantizing takes 57 ms, and the product 16 ms for 16 rows, 41 ms for
     * 64. The break-even is at 75 rows, or above 110 in groups of 32, which take 95 ms to
     * dequantize. It is lower because of the operator's rounding.
     */
    private static final int FEW_ON_CPU = 64;

    /**
     * Maximum number of rows for the int4 operator on a GPU: the break-even that torchao
     * (prototype/hqq) publishes for 4096 x 4096 on an A6000. On an H200 it is at 230 rows for 14336
     * x 4096 in groups of 32.
     */
    private static final int FEW_ON_GPU = 128;

    private final TorchKernels kernels;
    private final NDManager manager;
    private final QuantizedWeight weight;
    private final @Nullable DequantizedBlocks blocks;
    private final @Nullable NDArray order;

    /** The method that dequantizes and its arguments; null if {@link #blocks} dequantize. */
    private final @Nullable Script script;

    private final boolean gpu;
    private volatile boolean packable;
    private volatile @Nullable Packed packed;

    private record Script(String method, NDList arguments) {}

    /** An {@link Int4} weight in the layout of PyTorch's operator. */
    private record Packed(NDArray codes, NDArray scalesAndZeros) {}

    /**
     * Creates a layer; on a GPU the weight is copied there.
     *
     * @param kernels the kernels that run the scripts
     * @param manager the manager of packed data, which has the device of the layer
     * @param weight the quantized weight
     * @param blocks dequantizes on a CPU; null if PyTorch dequantizes
     */
    TorchQuantizedLinear(
            TorchKernels kernels,
            NDManager manager,
            QuantizedWeight weight,
            @Nullable DequantizedBlocks blocks) {
        this.kernels = kernels;
        this.manager = manager;
        this.weight = weight;
        this.blocks = blocks;
        gpu = manager.getDevice().isGpu();
        packable = weight instanceof Int4 && kernels.dtype() == Dtype.BFLOAT16;
        int[] inputs = weight instanceof Int4 int4 ? int4.inputOrder() : null;
        order =
                inputs == null
                        ? null
                        : TorchKernels.outliving(
                                manager.create(Arrays.stream(inputs).asLongStream().toArray()));
        script = blocks == null ? script() : null;
    }

    @Override
    public NDArray forward(NDArray x) {
        if (order == null) {
            return ordered(x);
        }
        try (NDArray columns = kernels.call("select_columns", x, order).get(0)) {
            return ordered(columns);
        }
    }

    private NDArray ordered(NDArray x) {
        long rows = x.size() / weight.columns();
        Packed few = rows <= (gpu ? FEW_ON_GPU : FEW_ON_CPU) ? packed() : null;
        if (few != null) {
            return few(x, few);
        }
        if (script == null) {
            return Objects.requireNonNull(blocks).linear(x, weight);
        }
        NDArray[] arguments = script.arguments().toArray(new NDArray[0]);
        try (NDArray whole = kernels.call(script.method(), arguments).get(0)) {
            return kernels.call("linear", x, whole).get(0);
        }
    }

    @Override
    public QuantizedLinear training() {
        TorchKernels recording = kernels.training();
        return x -> {
            NDArray columns = order == null ? x : recording.call("select_columns", x, order).get(0);
            // autograd keeps the dequantized weight for the backward pass
            try (NDArray whole = whole(x.getManager())) {
                return recording.call("linear_widened", columns, whole).get(0);
            } finally {
                if (order != null) {
                    columns.close();
                }
            }
        };
    }

    private NDArray whole(NDManager owner) {
        return script == null
                ? Objects.requireNonNull(blocks).whole(owner, weight)
                : kernels.normal(script.method(), script.arguments().toArray(new NDArray[0]));
    }

    private Script script() {
        NDArray rows = kernels.constant((long) weight.rows());
        NDArray dtype = kernels.constant(TorchKernels.scalarType(kernels.dtype()));
        if (weight instanceof BitsandbytesWeight matrix) {
            NDArray codes = array(matrix.codes());
            NDArray factors = array(matrix.absmax());
            NDArray table = TorchKernels.outliving(manager.create(matrix.table()));
            // constants are on the CPU: sizes on a GPU would make each call wait for it
            NDArray columns = kernels.constant((long) matrix.columns());
            NDArray size = kernels.constant((long) matrix.blockSize());
            return new Script(
                    "codebook_dequantize",
                    new NDList(codes, factors, table, rows, columns, size, dtype));
        }
        NDList grouped = grouped();
        grouped.add(rows);
        grouped.add(dtype);
        return new Script(weight instanceof Int4 ? "int4_dequantize" : "int8_dequantize", grouped);
    }

    /** Returns codes, scales and offsets; the offsets of a symmetric weight are empty. */
    private NDList grouped() {
        if (weight instanceof Int4 int4) {
            return new NDList(array(int4.codes()), factors(int4.scales()), factors(int4.offsets()));
        }
        if (weight instanceof Int6 int6) {
            return new NDList(
                    array(Int6Layout.bytes(int6.codes(), int6.columns(), int6.zeroPoint())),
                    factors(int6.scales()),
                    factors(int6.offsets()));
        }
        Int8 int8 = (Int8) weight;
        return new NDList(array(int8.codes()), array(int8.scales()), array(int8.offsets()));
    }

    private NDArray factors(@Nullable Tensor tensor) {
        return array(tensor == null ? null : Factors.floats(tensor));
    }

    private NDArray array(@Nullable Tensor tensor) {
        if (tensor == null) {
            return TorchKernels.outliving(manager.zeros(new Shape(0)));
        }
        DataType type =
                switch (tensor.dtype()) {
                    case UINT8 -> DataType.UINT8;
                    case INT8 -> DataType.INT8;
                    case FLOAT16 -> DataType.FLOAT16;
                    default -> DataType.FLOAT32;
                };
        Shape shape = new Shape(tensor.shape());
        return TorchKernels.outliving(manager.create(tensor.data(), shape, type));
    }

    private NDArray few(NDArray x, Packed matrix) {
        return kernels.call(
                        gpu ? "int4_linear_cuda" : "int4_linear_cpu",
                        x,
                        matrix.codes(),
                        matrix.scalesAndZeros(),
                        kernels.constant((long) weight.rows()))
                .get(0);
    }

    private @Nullable Packed packed() {
        if (packable && packed == null) {
            pack();
        }
        return packed;
    }

    private synchronized void pack() {
        if (!packable || packed != null) {
            return;
        }
        NDList source = script == null ? grouped() : script.arguments();
        try {
            // both belong to the manager of the first argument, which is ours
            NDArray scales =
                    kernels.call("int4_scales_and_zeros", source.get(1), source.get(2)).get(0);
            NDArray codes =
                    gpu
                            ? kernels.call("int4_pack_cuda", source.get(0), scales).get(0)
                            : kernels.call("int4_pack_cpu", source.get(0)).get(0);
            packed = new Packed(TorchKernels.outliving(codes), TorchKernels.outliving(scales));
        } catch (EngineException e) {
            packable = false;
            LOGGER.warn(
                    "PyTorch's int4 operator is not supported here, so products with {} are slow",
                    weight,
                    e);
        } finally {
            if (script == null) {
                source.close();
            }
        }
    }
}
