/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;

/**
 * Quantizes weights to {@link Int4}: scale and offset of each group are searched to minimize the
 * squared error (see {@code GroupSearch} in the sources).
 *
 * <p>Mean squared error relative to the mean square of the weights, in thousandths. {@code Q4_0} is
 * GGUF's, NF4 is {@link Nf4Quantizer}:
 *
 * <pre>
 *                       bits   normal   Laplace   Student t, 3   mistral-tiny-instruct
 * Q4_0                  4.5     7.37     11.43       15.75               7.36
 * NF4                   4.5     8.45     10.75       14.67               8.46
 * group 32, symmetric   4.5     6.54     10.43       14.76               6.53
 * group 64              4.5     6.58     10.21       13.49               6.58
 * group 128             4.25    8.18     14.05       22.04               8.20
 * </pre>
 */
public final class Int4Quantizer {

    /** The largest finite float16. */
    private static final float LARGEST_HALF = 65504;

    /** Below this largest weight, scales are subnormal in float16. */
    private static final float SMALLEST = 0x1p-10f;

    private Int4Quantizer() {}

    /**
     * Quantizes a matrix, in parallel. Rows are read one at a time, so a mapped matrix needs no
     * memory besides the result.
     *
     * <p>Scales and offsets are float16, or float32 if the largest magnitude is above 65504 or
     * below 2^-10, where float16 overflows or loses precision.
     *
     * @param tensor float32, float16 or bfloat16, (rows, columns)
     * @param groupSize columns per group: 32, 64 or 128; must divide the columns
     * @param symmetric whether there are no offsets
     * @return the quantized weight; its tensors' names begin with that of {@code tensor}
     * @throws IllegalArgumentException if the tensor is not such a matrix, or has infinite values
     *     or NaN; the message names it
     */
    public static Int4 quantize(Tensor tensor, int groupSize, boolean symmetric) {
        FloatMatrix source = FloatMatrix.of(tensor);
        float largest = source.largest();
        boolean half = largest == 0 || (largest >= SMALLEST && largest <= LARGEST_HALF);
        // scaled by a power of two, which is exact, so that squares neither overflow nor underflow
        int exponent = half ? 0 : Math.getExponent(largest);
        return Int4Packer.pack(
                tensor.name(),
                source.rows(),
                source.columns(),
                groupSize,
                half ? Dtype.FLOAT16 : Dtype.FLOAT32,
                symmetric,
                null,
                (row, codes, scales, offsets) -> {
                    float[] weights = new float[codes.length];
                    source.row(row, weights);
                    multiply(weights, -exponent);
                    new GroupSearch(groupSize, symmetric, half)
                            .run(weights, codes, scales, offsets);
                    multiply(scales, exponent);
                    if (!symmetric) {
                        multiply(offsets, exponent);
                    }
                });
    }

    private static void multiply(float[] numbers, int exponent) {
        if (exponent != 0) {
            for (int i = 0; i < numbers.length; ++i) {
                numbers[i] = Math.scalb(numbers[i], exponent);
            }
        }
    }
}
