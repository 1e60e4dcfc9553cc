/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.FloatMatrix;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.stream.IntStream;

/**
 * Quantization error.
 *
 * @param squaredError the sum of {@code (w - ŵ)²}
 * @param squaredWeights the sum of {@code w²}
 */
public record QuantizationError(double squaredError, double squaredWeights) {

    /** The error of no weights. */
    public static final QuantizationError NONE = new QuantizationError(0, 0);

    /**
     * Computes the error of a quantized weight, in parallel.
     *
     * @param plain the unquantized weight: float32, float16 or bfloat16, (rows, columns)
     * @param quantized the quantized weight, of the same shape
     * @return the error
     */
    public static QuantizationError of(Tensor plain, QuantizedWeight quantized) {
        FloatMatrix source = FloatMatrix.of(plain);
        // summed in the order of the rows, so that the result is deterministic
        double[][] sums =
                IntStream.range(0, source.rows())
                        .parallel()
                        .mapToObj(row -> sums(source, quantized, row))
                        .toArray(double[][]::new);
        double error = 0;
        double weights = 0;
        for (double[] row : sums) {
            error += row[0];
            weights += row[1];
        }
        return new QuantizationError(error, weights);
    }

    private static double[] sums(FloatMatrix source, QuantizedWeight quantized, int row) {
        float[] wanted = new float[source.columns()];
        source.row(row, wanted);
        float[] given = new float[wanted.length];
        quantized.dequantizeRow(row, given);
        double error = 0;
        double weights = 0;
        for (int i = 0; i < wanted.length; ++i) {
            double w = wanted[i];
            double d = w - given[i];
            error += d * d;
            weights += w * w;
        }
        return new double[] {error, weights};
    }

    /**
     * Adds the error of other weights.
     *
     * @param other the other error
     * @return the error of both
     */
    public QuantizationError plus(QuantizationError other) {
        return new QuantizationError(
                squaredError + other.squaredError, squaredWeights + other.squaredWeights);
    }

    /** Returns {@code ‖w - ŵ‖ / ‖w‖}, 0 if all weights are 0. */
    public double relative() {
        return squaredWeights == 0 ? 0 : Math.sqrt(squaredError / squaredWeights);
    }
}
