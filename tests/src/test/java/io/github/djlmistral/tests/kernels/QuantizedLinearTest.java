/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.quantization.Matrices;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Linear layers with quantized weights: torch kernels against the definition. */
class QuantizedLinearTest extends Fixture {

    private static final String[] MATRICES = {
        "int4 g32 offsets",
        "int4 g32 offsets order",
        "int4 g64 f32",
        "int4 g128",
        "int4 g128 f32 offsets",
        "int8 g32",
        "int8 g16 offsets",
        "nf4 g64"
    };

    /** Maximum of rows for which int4 weights in bfloat16 use PyTorch's int4 operator. */
    private static final int FEW = 64;

    private final Kernels reference = new ReferenceKernels();

    private Kernels torch(Dtype dtype, boolean operatorsDequantize) {
        Dequantizer dequantizer = operatorsDequantize ? null : new Dequantizer();
        return new TorchKernels(manager, dtype, dequantizer);
    }

    /** Multiples of 1/8 in [-7/8, 7/8], exact in every type; one in {@code every} is not zero. */
    private static Tensor input(long seed, int rows, int columns, int every) {
        Random random = new Random(seed);
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * rows * columns);
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < rows * columns; ++i) {
            bytes.putFloat(i % every == 0 ? random.nextInt(-7, 8) / 8f : 0);
        }
        return new Tensor("x", Dtype.FLOAT32, new long[] {1, rows, columns}, bytes.flip());
    }

    /** Unit roundoff: half a unit in the last place, relative. */
    private static double roundoff(Dtype dtype) {
        return switch (dtype) {
            case FLOAT16 -> Math.scalb(1.0, -11);
            case BFLOAT16 -> Math.scalb(1.0, -8);
            default -> Math.scalb(1.0, -24);
        };
    }

    /**
     * Compares each output y, a sum of n products {@code x · w}, with the definition, computed in
     * double precision. Errors add up from
     *
     * <ul>
     *   <li>the rounding of a weight to the kernels' type, {@code |x · w|} times its unit; by
     *       PyTorch's int4 operator instead, scale and offset + 8 · scale are rounded to bfloat16:
     *       {@code |x| · (|8 · scale| + |offset + 8 · scale|)} units of that,
     *   <li>n + 2 roundings of the sum in float32, in whatever order; of a whole unit in the last
     *       place each, since the dot product instructions of some processors do not round to
     *       nearest,
     *   <li>the rounding of the result.
     * </ul>
     */
    private void assertLinear(
            Kernels kernels, QuantizedWeight weight, boolean operator, NDArray actual, Tensor x) {
        int rows = (int) x.shape()[1];
        int columns = weight.columns();
        assertThat(actual.getShape()).isEqualTo(new Shape(1, rows, weight.rows()));
        float[] outputs = kernels.toFloat32(actual).toFloatArray();
        float[] inputs = new float[rows * columns];
        x.data().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(inputs);
        double unit = roundoff(kernels.dtype());
        double single = 2 * roundoff(Dtype.FLOAT32);
        double coarse = (1 + 2) * Matrices.largest(columns);
        float[] row = new float[columns];
        for (int n = 0; n < weight.rows(); ++n) {
            weight.dequantizeRow(n, row);
            for (int m = 0; m < rows; ++m) {
                double sum = 0;
                double products = 0;
                double magnitude = 0;
                int terms = 0;
                for (int c = 0; c < columns; ++c) {
                    double input = inputs[m * columns + c];
                    sum += input * row[c];
                    products += Math.abs(input * row[c]);
                    magnitude += Math.abs(input);
                    terms += input == 0 ? 0 : 1;
                }
                double bound =
                        (operator ? unit * coarse * magnitude : unit * products)
                                + (terms + 2) * single * products * (1 + unit)
                                + unit * Math.abs(sum)
                                + 1e-7;
                double error = Math.abs(outputs[m * weight.rows() + n] - sum);
                // not for each of a million outputs: an assertion takes longer than the product
                if (!(error <= bound)) {
                    assertThat(error)
                            .as("row %s, output %s of %s in %s", m, n, weight, kernels.dtype())
                            .isLessThanOrEqualTo(bound);
                }
            }
        }
    }

    private void assertForward(
            Kernels torch,
            QuantizedWeight weight,
            QuantizedLinear layer,
            Tensor x,
            NDManager scope) {
        boolean operator =
                torch.dtype() == Dtype.BFLOAT16 && weight instanceof Int4 && x.shape()[1] <= FEW;
        assertLinear(torch, weight, operator, layer.forward(torch.load(scope, x)), x);
    }

    static Stream<Arguments> layers() {
        return Stream.of(Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16)
                .flatMap(
                        dtype ->
                                Stream.of(MATRICES)
                                        .flatMap(
                                                matrix ->
                                                        Stream.of(
                                                                Arguments.of(dtype, matrix, false),
                                                                Arguments.of(
                                                                        dtype, matrix, true))));
    }

    @ParameterizedTest
    @MethodSource("layers")
    void products(Dtype dtype, String description, boolean operatorsDequantize) {
        Kernels torch = torch(dtype, operatorsDequantize);
        for (int outputs : new int[] {1, 45, 96}) {
            QuantizedWeight weight = Matrices.of(description, outputs, 384, outputs);
            QuantizedLinear layer = torch.quantized(manager, weight);
            for (int rows : new int[] {1, 2, 7, 33, FEW, FEW + 1}) {
                Tensor x = input(rows, rows, weight.columns(), 1);
                assertForward(torch, weight, layer, x, manager);
            }
        }
    }

    /** The reference kernels meet the definition, too. */
    @Test
    void referenceProducts() {
        for (String description : MATRICES) {
            QuantizedWeight weight = Matrices.of(description, 45, 384, 1);
            Tensor x = input(1, 3, 384, 1);
            QuantizedLinear layer = reference.quantized(manager, weight);
            assertLinear(reference, weight, false, layer.forward(reference.load(manager, x)), x);
        }
    }

    /** So wide that a block of dequantized rows has 64 rows. */
    @ParameterizedTest
    @EnumSource(
            value = Dtype.class,
            names = {"FLOAT32", "BFLOAT16"})
    void severalBlocks(Dtype dtype) {
        Kernels torch = torch(dtype, false);
        QuantizedWeight weight = Matrices.of("nf4 g64", 75, 1 << 18, 1);
        QuantizedLinear layer = torch.quantized(manager, weight);
        for (int rows : new int[] {1, 2}) {
            Tensor x = input(rows, rows, weight.columns(), 1021);
            assertLinear(torch, weight, false, layer.forward(torch.load(manager, x)), x);
        }
    }

    /** The gradient of the sum of all outputs is the sum of each column, for every row of x. */
    @ParameterizedTest
    @MethodSource("layers")
    void gradients(Dtype dtype, String description, boolean operatorsDequantize) {
        int outputs = 45;
        QuantizedWeight weight = Matrices.of(description, outputs, 128, 3);
        double[] sums = new double[128];
        double[] sizes = new double[128];
        float[] row = new float[128];
        for (int n = 0; n < outputs; ++n) {
            weight.dequantizeRow(n, row);
            for (int c = 0; c < 128; ++c) {
                sums[c] += row[c];
                sizes[c] += Math.abs(row[c]);
            }
        }
        Kernels torch = torch(dtype, operatorsDequantize);
        QuantizedLinear layer = torch.quantized(manager, weight);
        Kernels training = torch.training();
        List<NDArray> inputs = new ArrayList<>();
        try (NDManager scope = manager.newSubManager();
                GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray loss = scope.create(0f);
            for (int rows : new int[] {1, 3, 20}) {
                NDArray x = torch.load(scope, input(rows, rows, 128, 1));
                x.setRequiresGradient(true);
                inputs.add(x);
                NDArray y = layer.training().forward(x);
                assertLinear(torch, weight, false, y, input(rows, rows, 128, 1));
                loss = loss.add(training.toFloat32(y).sum());
            }
            collector.backward(loss);
            double unit = roundoff(dtype);
            double single = roundoff(Dtype.FLOAT32);
            for (NDArray x : inputs) {
                float[] gradient = torch.toFloat32(x.getGradient()).toFloatArray();
                for (int i = 0; i < gradient.length; ++i) {
                    // rounded weights, a float32 sum of as many, a rounded result
                    double bound =
                            unit * sizes[i % 128]
                                    + (outputs + 2) * single * sizes[i % 128]
                                    + unit * Math.abs(sums[i % 128])
                                    + 1e-7;
                    assertThat(Math.abs(gradient[i] - sums[i % 128])).isLessThanOrEqualTo(bound);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("layers")
    void callsLeaveNothingBehind(Dtype dtype, String description, boolean operatorsDequantize) {
        QuantizedWeight weight = Matrices.of(description, 45, 128, 3);
        Kernels torch = torch(dtype, operatorsDequantize);
        QuantizedLinear layer = torch.quantized(manager, weight);
        int[] counts = new int[3];
        for (int i = 0; i < 3; ++i) {
            // shared state that the first call creates must outlive the scope of that call
            try (NDManager generation = manager.newSubManager();
                    NDScope scope = new NDScope()) {
                for (int rows : new int[] {1, FEW + 1}) {
                    Tensor x = input(rows, rows, 128, 1);
                    assertForward(torch, weight, layer, x, generation);
                    assertThat(layer.training().forward(torch.load(generation, x)).getManager())
                            .isSameAs(generation);
                }
                scope.suppressNotUsedWarning();
            }
            counts[i] = Leaks.resources(manager);
        }
        assertThat(counts[1]).isEqualTo(counts[0]);
        assertThat(counts[2]).isEqualTo(counts[0]);
    }

    /** Concurrent threads with layers of different sizes get correct products. */
    @ParameterizedTest
    @EnumSource(
            value = Dtype.class,
            names = {"FLOAT32", "BFLOAT16", "FLOAT16"})
    void severalThreads(Dtype dtype) throws Exception {
        Kernels torch = torch(dtype, false);
        List<QuantizedWeight> weights =
                IntStream.range(0, 4)
                        .mapToObj(i -> Matrices.of(MATRICES[2 * i], 300 + i, 128 << i, i))
                        .toList();
        List<QuantizedLinear> layers =
                weights.stream().map(weight -> torch.quantized(manager, weight)).toList();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> results = new ArrayList<>();
            for (int task = 0; task < 24; ++task) {
                int which = task % 4;
                Tensor x = input(task, task % 3 == 0 ? 1 : FEW + 1, 128 << which, 1);
                results.add(
                        threads.submit(
                                () -> {
                                    try (NDManager scope = manager.newSubManager()) {
                                        assertForward(
                                                torch,
                                                weights.get(which),
                                                layers.get(which),
                                                x,
                                                scope);
                                    }
                                }));
            }
            for (Future<?> result : results) {
                result.get();
            }
        } finally {
            threads.shutdown();
        }
    }
}
