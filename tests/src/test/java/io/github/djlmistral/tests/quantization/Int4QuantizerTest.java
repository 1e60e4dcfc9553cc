/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.internal.quantization.Int4Quantizer;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.quantization.PlainWeights.Distribution;
import io.github.djlmistral.zoo.Mistral;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** int4 quantizer: error bounds, and optimality of the codes. */
class Int4QuantizerTest {

    /** Relative error of comparing candidates by float32 sums of up to 64 terms: 64 · 2^-24. */
    private static final double SUMS = 1 + 1e-5;

    private static float half(double value) {
        return PlainWeights.ofHalf(PlainWeights.toHalf(value));
    }

    private static double squaredError(float[] w, int begin, int end, float scale, float offset) {
        double error = 0;
        for (int i = begin; i < end; ++i) {
            double q = scale == 0 ? 0 : Math.rint(((double) w[i] - offset) / scale);
            error += Math.pow(w[i] - scale * Math.max(0, Math.min(15, q)) - offset, 2);
        }
        return error;
    }

    /**
     * Round-to-nearest between each group's minimum and maximum; symmetric, the largest magnitude
     * is -8.
     */
    private static double[] plainErrors(Tensor tensor, int size, boolean symmetric) {
        float[] w = PlainWeights.values(tensor);
        double[] errors = new double[w.length / size];
        for (int g = 0; g < errors.length; ++g) {
            int begin = g * size;
            int end = begin + size;
            float least = w[begin];
            float greatest = w[begin];
            for (int i = begin; i < end; ++i) {
                least = Math.min(least, w[i]);
                greatest = Math.max(greatest, w[i]);
            }
            float scale = half((greatest - (double) least) / 15);
            float offset = half(least);
            if (symmetric) {
                scale = half((greatest >= -least ? greatest : least) / -8);
                offset = -8 * scale;
            }
            errors[g] = squaredError(w, begin, end, scale, offset);
        }
        return errors;
    }

    /** GGUF's Q4_0, ggml's quantize_row_q4_0_ref. */
    private static double q40(Tensor tensor) {
        float[] w = PlainWeights.values(tensor);
        double error = 0;
        for (int begin = 0; begin < w.length; begin += 32) {
            float most = 0;
            for (int i = begin; i < begin + 32; ++i) {
                most = Math.abs(w[i]) > Math.abs(most) ? w[i] : most;
            }
            float d = most / -8;
            for (int i = begin; i < begin + 32; ++i) {
                int q = (int) Math.max(0, Math.min(15, Math.floor(w[i] / d + 8.5f)));
                error += Math.pow(w[i] - half(d) * (q - 8), 2);
            }
        }
        return error;
    }

    @ParameterizedTest
    @EnumSource
    void noGroupIsWorseThanThePlainChoice(Distribution distribution) {
        // 33 rows: the last tile is not full; 384 columns: not a full search of 64 groups
        Tensor tensor = distribution.matrix(33, 384, 1);
        for (int size : new int[] {32, 64, 128}) {
            for (boolean symmetric : new boolean[] {true, false}) {
                Int4 matrix = Int4Quantizer.quantize(tensor, size, symmetric);
                assertThat(matrix.groupSize()).isEqualTo(size);
                assertThat(matrix.offsets() == null).isEqualTo(symmetric);
                double[] errors =
                        PlainWeights.errors(tensor, QuantizedMatrices.values(matrix), size);
                double[] plain = plainErrors(tensor, size, symmetric);
                for (int g = 0; g < plain.length; ++g) {
                    assertThat(errors[g])
                            .as("group %d of %d, symmetric %s", g, size, symmetric)
                            .isLessThanOrEqualTo(plain[g] * SUMS);
                }
            }
        }
    }

    /**
     * At the same 4.5 bits per weight. The ratios are those measured on a million weights, with a
     * margin of one percent for these fewer ones.
     */
    @ParameterizedTest
    @CsvSource({"NORMAL, 0.90, 0.90", "LAPLACE, 0.92, 0.91", "HEAVY, 0.95, 0.88"})
    void errorIsBelowThatOfGguf(Distribution distribution, double symmetric32, double offset64) {
        Tensor tensor = distribution.matrix(64, 2048, 2);
        double q40 = q40(tensor);
        assertThat(PlainWeights.error(tensor, Int4Quantizer.quantize(tensor, 32, true)) / q40)
                .isLessThan(symmetric32);
        assertThat(PlainWeights.error(tensor, Int4Quantizer.quantize(tensor, 64, false)) / q40)
                .isLessThan(offset64);
    }

    @Test
    void errorIsBelowThatOfGgufForRealWeights() throws Exception {
        List<Tensor> matrices;
        try (ZooModel<NDList, NDList> model =
                Mistral.criteria(NDList.class, NDList.class).build().loadModel()) {
            matrices =
                    Safetensors.read(model.getModelPath().resolve("model.safetensors"))
                            .values()
                            .stream()
                            .filter(tensor -> tensor.name().matches(".*layers\\.[03]\\..*proj.*"))
                            .toList();
            double q40 = matrices.stream().mapToDouble(Int4QuantizerTest::q40).sum();
            double ours =
                    matrices.stream()
                            .mapToDouble(
                                    tensor ->
                                            PlainWeights.error(
                                                    tensor,
                                                    Int4Quantizer.quantize(tensor, 64, false)))
                            .sum();
            assertThat(matrices).hasSize(14);
            assertThat(ours / q40).isLessThan(0.90);
        }
    }

    /** Given the stored scale, each code is the nearest. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void codesAreTheNearest(boolean symmetric) {
        Tensor tensor = Distribution.HEAVY.matrix(20, 128, 3);
        Int4 matrix = Int4Quantizer.quantize(tensor, 32, symmetric);
        float[] given = QuantizedMatrices.values(matrix);
        float[] wanted = PlainWeights.values(tensor);
        for (int i = 0; i < wanted.length; ++i) {
            // (T, G, 16): tile of the row, group, place in the tile
            int row = i / 128;
            int index = (row / 16 * 4 + i % 128 / 32) * 16 + row % 16;
            float scale = half(matrix.scales().data(), index);
            float offset = symmetric ? -8 * scale : half(matrix.offsets().data(), index);
            double nearest = Double.POSITIVE_INFINITY;
            for (int q = 0; q < 16; ++q) {
                nearest = Math.min(nearest, Math.abs(wanted[i] - (double) (scale * q + offset)));
            }
            assertThat((double) Math.abs(wanted[i] - given[i])).isCloseTo(nearest, within(1e-6));
        }
    }

    private static float half(ByteBuffer data, int index) {
        return PlainWeights.ofHalf(data.getShort(2 * index));
    }

    @Test
    void theTypeOfTheSourceDoesNotMatter() {
        // with 8 bits of fraction they are numbers of all three types
        float[] values = new float[40 * 64];
        for (int i = 0; i < values.length; ++i) {
            values[i] = Math.floorMod(i * 37, 255) / 256f - 0.5f;
        }
        float[] expected = null;
        for (Dtype dtype : List.of(Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16)) {
            Tensor tensor = PlainWeights.matrix(dtype, 40, values);
            float[] given = QuantizedMatrices.values(Int4Quantizer.quantize(tensor, 64, false));
            assertThat(given).isEqualTo(expected == null ? given : expected);
            expected = given;
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1, -0.3f, 1e-3f, 60000, 1e-30f, -3e38f, 1e-42f})
    void constantRowsAreExact(float constant) {
        float[] values = new float[2 * 64];
        Arrays.fill(values, constant);
        Tensor tensor = PlainWeights.matrix(Dtype.FLOAT32, 2, values);
        for (boolean symmetric : new boolean[] {true, false}) {
            float[] given = QuantizedMatrices.values(Int4Quantizer.quantize(tensor, 64, symmetric));
            for (float value : given) {
                // float16 has 11 bits; subnormal float32 scales fewer still
                double few = Math.abs(constant) < 1e-37f ? 0.1 : 0x1p-11;
                assertThat((double) value)
                        .isCloseTo(constant, within(few * Math.abs((double) constant)));
            }
        }
    }

    @Test
    void zeroGroupsStayZero() {
        float[] values = PlainWeights.values(Distribution.NORMAL.matrix(16, 128, 4));
        for (int i = 0; i < values.length; ++i) {
            values[i] = i / 64 % 2 == 0 ? 0 : values[i];
        }
        Tensor tensor = PlainWeights.matrix(Dtype.FLOAT32, 16, values);
        for (boolean symmetric : new boolean[] {true, false}) {
            float[] given = QuantizedMatrices.values(Int4Quantizer.quantize(tensor, 64, symmetric));
            for (int i = 0; i < values.length; ++i) {
                if (i / 64 % 2 == 0) {
                    assertThat(given[i]).as("weight %d", i).isZero();
                }
            }
        }
    }

    /** Float16 scales would overflow or underflow; float32 ones keep the usual relative error. */
    @ParameterizedTest
    @ValueSource(ints = {126, 40, -30, -100})
    void hugeAndTinyWeightsKeepTheRelativeError(int exponent) {
        Tensor usual = Distribution.NORMAL.matrix(8, 256, 5);
        float[] values = PlainWeights.values(usual);
        for (int i = 0; i < values.length; ++i) {
            values[i] = Math.scalb(values[i], exponent);
        }
        Tensor scaled = PlainWeights.matrix(Dtype.FLOAT32, 8, values);
        for (boolean symmetric : new boolean[] {true, false}) {
            Int4 matrix = Int4Quantizer.quantize(scaled, 64, symmetric);
            assertThat(matrix.scales().dtype()).isEqualTo(Dtype.FLOAT32);
            float[] back = QuantizedMatrices.values(matrix);
            for (int i = 0; i < back.length; ++i) {
                back[i] = Math.scalb(back[i], -exponent);
            }
            double error = PlainWeights.errors(usual, back, back.length)[0];
            Int4 expected = Int4Quantizer.quantize(usual, 64, symmetric);
            assertThat(expected.scales().dtype()).isEqualTo(Dtype.FLOAT16);
            assertThat(error / PlainWeights.error(usual, expected)).isCloseTo(1, within(0.01));
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void nonFiniteValuesAreRejected(float bad) {
        float[] values = new float[64];
        values[63] = bad;
        for (Dtype dtype : List.of(Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () ->
                                    Int4Quantizer.quantize(
                                            PlainWeights.matrix(dtype, 1, values), 32, true))
                    .withMessageContainingAll("m.weight", "NaN");
        }
    }

    @Test
    void groupsMustDivideTheMatrix() {
        Tensor narrow = Distribution.NORMAL.matrix(4, 96, 6);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Int4Quantizer.quantize(narrow, 64, false))
                .withMessageContainingAll("m.weight", "96", "64", "32");
        Tensor ids =
                new Tensor("ids", Dtype.INT64, new long[] {1, 1}, ByteBuffer.allocateDirect(8));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Int4Quantizer.quantize(ids, 64, false))
                .withMessageContainingAll("ids", "float32, float16 or bfloat16");
        Tensor norm =
                new Tensor("norm", Dtype.FLOAT32, new long[] {64}, ByteBuffer.allocateDirect(256));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Int4Quantizer.quantize(norm, 64, false))
                .withMessageContainingAll("norm", "matrices");
    }
}
