/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
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
 * A linear layer with a quantized weight, by PyTorch's operators; scripts are in {@code
 * torch_quantized.py} among the resources.
 *
 * <p>For many rows the matrix is dequantized and multiplied as a plain one: {@linkplain
 * DequantizedBlocks block by block} on a CPU, as a whole by operators on a GPU. For few rows an
 * {@link Int4} matrix goes through PyTorch's own int4 operator, which reads nothing but codes and
 * scales, where the kernels are bfloat16, the one type that it is fast in. It wants a layout of its
 * own, made at the first such call and as large as the codes, and rounds scales and offsets to
 * bfloat16: a weight is off by 2^-8 of {@code |scale · (q - 8)| + |offset + 8 · scale|} at most,
 * not of its own size.
 */
final class TorchQuantizedLinear implements QuantizedLinear {

    private static final Logger LOGGER = LoggerFactory.getLogger(TorchQuantizedLinear.class);

    /**
     * Measured on one core of Zen 4 with Java 17, 14336 x 4096 and 4096 x 14336 in groups of 128:
     * the operator takes 3.5 ms for one row and 1.4 ms a row for many; dequantizing takes 57 ms,
     * and the product with what is dequantized 16 ms for 16 rows, 41 ms for 64: they meet at 75
     * rows, and beyond 110 in groups of 32, which dequantize in 95 ms. Not higher, for the
     * operator's rounding.
     */
    private static final int FEW_ON_CPU = 64;

    /**
     * Not measured by us: published for 4096 x 4096 on an A6000, the operator and dequantizing meet
     * at 128 rows (torchao, prototype/hqq).
     */
    private static final int FEW_ON_GPU = 128;

    private final TorchKernels kernels;
    private final NDManager manager;
    private final QuantizedWeight weight;
    private final @Nullable DequantizedBlocks blocks;
    private final @Nullable NDArray order;

    /** The script's method that dequantizes and its arguments; null where {@link #blocks} do. */
    private final @Nullable Script script;

    private final boolean gpu;
    private volatile boolean packable;
    private volatile @Nullable Packed packed;

    private record Script(String method, NDList arguments) {}

    /** {@link Int4} in the layout of PyTorch's operator. */
    private record Packed(NDArray codes, NDArray scalesAndZeros) {}

    /**
     * Takes a matrix; on a GPU its bytes are copied there.
     *
     * @param kernels run the scripts
     * @param manager keeps what is made of the matrix, on the device of the layer
     * @param weight the matrix
     * @param blocks dequantize; null where operators do
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
        packable =
                weight instanceof Int4
                        && kernels.dtype() == Dtype.BFLOAT16
                        && (blocks == null || !blocks.fast());
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
        TorchKernels recording = (TorchKernels) kernels.training();
        return x -> {
            NDArray columns = order == null ? x : recording.call("select_columns", x, order).get(0);
            // the graph keeps the numbers for the way back
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
            long[] shape = {matrix.rows(), matrix.columns(), matrix.blockSize()};
            NDArray codes = array(matrix.codes());
            NDArray factors = array(matrix.absmax());
            NDArray table = TorchKernels.outliving(manager.create(matrix.table()));
            NDArray sizes = TorchKernels.outliving(manager.create(shape));
            return new Script(
                    "codebook_dequantize", new NDList(codes, factors, table, sizes, dtype));
        }
        NDList grouped = grouped();
        grouped.add(rows);
        grouped.add(dtype);
        return new Script(weight instanceof Int4 ? "int4_dequantize" : "int8_dequantize", grouped);
    }

    /** Codes, scales and offsets; these empty where there are none. */
    private NDList grouped() {
        if (weight instanceof Int4 int4) {
            return new NDList(array(int4.codes()), array(int4.scales()), array(int4.offsets()));
        }
        Int8 int8 = (Int8) weight;
        return new NDList(array(int8.codes()), array(int8.scales()), array(int8.offsets()));
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
            // both belong to the manager of the first argument, ours
            NDArray scales =
                    kernels.call("int4_scales_and_zeros", source.get(1), source.get(2)).get(0);
            NDArray codes =
                    gpu
                            ? kernels.call("int4_pack_cuda", source.get(0), scales).get(0)
                            : kernels.call("int4_pack_cpu", source.get(0)).get(0);
            packed = new Packed(TorchKernels.outliving(codes), TorchKernels.outliving(scales));
        } catch (EngineException e) {
            packable = false;
            LOGGER.warn("PyTorch's int4 operator does not work here, so {} is slow", weight, e);
        } finally {
            if (script == null) {
                source.close();
            }
        }
    }
}
