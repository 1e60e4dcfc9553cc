/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.kernels.NativeKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.internal.quantization.Int6Layout;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two-level scales give the same bits as the float32 scales that they are the factors of, and 6-bit
 * codes as 8-bit ones.
 */
class TwoLevelScalesTest extends Fixture {

    private static @Nullable Tensor floats(@Nullable Tensor factors) {
        return factors == null ? null : Factors.floats(factors);
    }

    private static QuantizedWeight withFloats(QuantizedWeight weight) {
        if (weight instanceof Int4 int4) {
            return new Int4(
                    int4.rows(),
                    int4.codes(),
                    Factors.floats(int4.scales()),
                    floats(int4.offsets()),
                    null);
        }
        Int6 int6 = (Int6) weight;
        return new Int8(
                int6.rows(),
                Int6Layout.bytes(int6.codes(), int6.columns(), int6.zeroPoint()),
                Factors.floats(int6.scales()),
                floats(int6.offsets()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "int4 g32 two offsets",
                "int4 g64 two",
                "int6 g16 two",
                "int6 g32 two offsets"
            })
    void productsAreTheSameBits(String description) {
        boolean six = description.startsWith("int6");
        Stream<Kernels> kernels =
                Stream.concat(
                        Stream.of(Dtype.FLOAT32, Dtype.BFLOAT16)
                                .map(dtype -> new TorchKernels(manager, dtype, null)),
                        // the native kernels round the inputs of int6, not those of int8
                        InstructionSet.available().stream()
                                .filter(set -> !six)
                                .map(
                                        set ->
                                                new NativeKernels(
                                                        new TorchKernels(manager, Dtype.FLOAT32),
                                                        set)));
        QuantizedWeight weight = Matrices.of(description, 90, 768, 1);
        QuantizedWeight same = withFloats(weight);
        assertThat(same.bytes()).isGreaterThan(weight.bytes());
        kernels.forEach(
                k -> {
                    for (int tokens : new int[] {1, 3, 9}) {
                        NDArray x = input(k, tokens);
                        assertThat(product(k, weight, x))
                                .as("%s, %s tokens", k, tokens)
                                .isEqualTo(product(k, same, x));
                    }
                });
    }

    private NDArray input(Kernels kernels, int tokens) {
        Tensor x = Matrices.numbers(Dtype.FLOAT32, -2, 2, new Random(tokens), tokens, 768);
        return kernels instanceof NativeKernels
                ? manager.create(x.data(), new Shape(x.shape()), DataType.FLOAT32)
                : kernels.load(manager, x);
    }

    private float[] product(Kernels kernels, QuantizedWeight weight, NDArray x) {
        NDArray y = kernels.quantized(manager, weight).forward(x);
        return (kernels instanceof NativeKernels ? y : kernels.toFloat32(y)).toFloatArray();
    }

    /** The example of {@link Factors}: row 17, columns 288 to 319. */
    @Test
    void aScaleIsTheProductOfItsFactors() {
        Int4 weight = (Int4) Matrices.of("int4 g32 two", 40, 512, 1);
        // two blocks a tile
        int block = 160 * (2 + 1);
        weight.scales().data().putShort(block + 2, (short) 0x3800); // 0.5
        weight.scales().data().put(block + 32 + 16 + 1, (byte) -7);
        assertThat(new Factors(weight.scales()).get(1, 9, 1)).isEqualTo(-3.5f);
        weight.codes().data().putInt(16 * 256 + 64 * 36 + 4, 0x0000_0003); // column 288 is 3
        float[] row = new float[512];
        weight.dequantizeRow(17, row);
        assertThat(row[288]).isEqualTo(-3.5f * (3 - 8));
    }

    @Test
    void otherShapesAreRefused() {
        Tensor codes = Tensor.allocate("codes", Dtype.UINT8, 1, 64, 64);
        for (long[] shape :
                new long[][] {{1, 2, 32}, {1, 2, 150}, {1, 2, 80}, {1, 1, 160}, {2, 2, 160}}) {
            Tensor scales = Tensor.allocate("scales", Dtype.INT8, shape);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Int4(16, codes, scales, null, null))
                    .withMessageContaining("not an int4 weight");
        }
        assertThat(Factors.groupSize(Tensor.allocate("x", Dtype.UINT8, 1, 2, 160), 1, 512))
                .isZero();
    }
}
