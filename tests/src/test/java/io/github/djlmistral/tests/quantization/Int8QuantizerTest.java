/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.internal.quantization.Int8Quantizer;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.quantization.PlainWeights.Distribution;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** int8 quantizer. */
class Int8QuantizerTest {

    @ParameterizedTest
    @EnumSource
    void roundingErrorIsAtMostHalfAStep(Distribution distribution) {
        check(distribution.matrix(19, 96, 1), Dtype.FLOAT16);
    }

    @ParameterizedTest
    @ValueSource(ints = {120, -60})
    void hugeAndTinyWeightsHaveScalesOfFloat32(int exponent) {
        float[] values = PlainWeights.values(Distribution.NORMAL.matrix(3, 64, 2));
        for (int i = 0; i < values.length; ++i) {
            values[i] = Math.scalb(values[i], exponent);
        }
        check(PlainWeights.matrix(Dtype.FLOAT32, 3, values), Dtype.FLOAT32);
    }

    private static void check(Tensor tensor, Dtype scales) {
        Int8 matrix = Int8Quantizer.quantize(tensor, 32);
        assertThat(matrix.scales().dtype()).isEqualTo(scales);
        float[] wanted = PlainWeights.values(tensor);
        float[] given = QuantizedMatrices.values(matrix);
        for (int begin = 0; begin < wanted.length; begin += 32) {
            float most = 0;
            for (int i = begin; i < begin + 32; ++i) {
                most = Math.max(most, Math.abs(wanted[i]));
            }
            for (int i = begin; i < begin + 32; ++i) {
                // a scale in float16 is off by 2^-11 of itself, 127 of them by a sixteenth
                assertThat(Math.abs(wanted[i] - given[i])).isLessThanOrEqualTo(most / 127 * 0.57f);
            }
        }
    }
}
