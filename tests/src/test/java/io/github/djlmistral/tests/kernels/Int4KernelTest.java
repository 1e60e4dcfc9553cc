/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.cpu.Int4Kernel;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Products with int4 weights in C, with every instruction set of this processor. */
class Int4KernelTest extends Fixture {

    private static final ThreadTeam TEAM = new ThreadTeam(3);

    private final List<InstructionSet> sets = InstructionSet.available();

    @BeforeEach
    void someInstructionSet() {
        assumeFalse(sets.isEmpty(), "no native kernels for this processor");
    }

    private NDArray input(long seed, int tokens, int columns) {
        Random random = new Random(seed);
        float[] values = new float[tokens * columns];
        for (int i = 0; i < values.length; ++i) {
            values[i] = (float) random.nextGaussian() * (i % 100 == 0 ? 30 : 1);
        }
        return manager.create(values, new Shape(1, tokens, columns));
    }

    private float[] linear(InstructionSet set, ThreadTeam team, Int4 weight, NDArray x) {
        NDArray out = manager.create(new Shape(1, x.getShape().get(1), weight.rows()));
        new Int4Kernel(set, team, weight).linear(x, Dtype.FLOAT32, out);
        return out.toFloatArray();
    }

    /** Rows beside and beyond tiles of 16 and panels of 64, tokens beside blocks of 4. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "int4 g32",
                "int4 g32 offsets",
                "int4 g64 f32",
                "int4 g64 offsets",
                "int4 g128",
                "int4 g128 f32 offsets"
            })
    void equalsTheDefinition(String description) {
        int[][] shapes = {{1, 128, 1}, {16, 256, 3}, {33, 128, 4}, {64, 384, 5}, {200, 256, 11}};
        for (int[] shape : shapes) {
            Int4 weight = (Int4) Matrices.of(description, shape[0], shape[1], 7);
            NDArray x = input(3, shape[2], shape[1]);
            float[] expected =
                    EightBitInputs.kernels().quantized(manager, weight).forward(x).toFloatArray();
            float[] actual = linear(sets.get(0), TEAM, weight, x);
            // both sum up to 384 float products of about 0.1 * 30 in another order
            for (int i = 0; i < expected.length; ++i) {
                assertThat(actual[i]).isCloseTo(expected[i], within(2e-4f));
            }
        }
    }

    private static org.assertj.core.data.Offset<Float> within(float bound) {
        return org.assertj.core.data.Offset.offset(bound);
    }

    @ParameterizedTest
    @ValueSource(strings = {"int4 g32 offsets", "int4 g64", "int4 g128"})
    void neitherInstructionSetNorThreadsNorOtherTokensChangeABit(String description) {
        Int4 weight = (Int4) Matrices.of(description, 150, 256, 11);
        NDArray x = input(5, 9, 256);
        float[] expected = linear(sets.get(0), TEAM, weight, x);
        for (InstructionSet set : sets) {
            for (int threads = 1; threads <= 5; threads += 2) {
                assertThat(linear(set, new ThreadTeam(threads), weight, x)).isEqualTo(expected);
            }
            for (int t = 0; t < 9; ++t) {
                float[] alone = linear(set, TEAM, weight, x.get(":," + t + ":" + (t + 1)));
                assertThat(alone).isEqualTo(java.util.Arrays.copyOfRange(expected, t * 150, t * 150 + 150));
            }
        }
    }

    @Test
    void halfPrecisionIsRoundedToNearest() {
        Int4 weight = (Int4) Matrices.of("int4 g32", 40, 128, 13);
        NDArray x = input(9, 2, 128).toType(DataType.FLOAT16, false);
        float[] wide = linear(sets.get(0), TEAM, weight, x.toType(DataType.FLOAT32, false));
        NDArray out = manager.create(new Shape(1, 2, 40), DataType.FLOAT16);
        new Int4Kernel(sets.get(0), TEAM, weight).linear(x, Dtype.FLOAT16, out);
        NDArray expected = manager.create(wide, out.getShape()).toType(DataType.FLOAT16, false);
        assertThat(out.toByteBuffer()).isEqualTo(expected.toByteBuffer());
    }

    @Test
    void shapesThatDoNotFitAreErrors() {
        Int4 weight = (Int4) Matrices.of("int4 g32", 40, 128, 13);
        Int4Kernel kernel = new Int4Kernel(sets.get(0), TEAM, weight);
        NDArray x = input(9, 2, 128);
        NDArray few = manager.create(new Shape(1, 2, 39));
        assertThatThrownBy(() -> kernel.linear(x, Dtype.FLOAT32, few))
                .isInstanceOf(IllegalArgumentException.class);
        NDArray out = manager.create(new Shape(1, 2, 40));
        assertThatThrownBy(() -> kernel.linear(x, Dtype.FLOAT16, out))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
