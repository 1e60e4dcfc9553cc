/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** Unquantized weights, and errors of their quantization. */
final class PlainWeights {

    private PlainWeights() {}

    /** Weight distributions with a standard deviation of about 0.02, as Mistral's. */
    enum Distribution {
        NORMAL,
        LAPLACE,
        /** Student's t of 3 degrees: outliers far from everything else. */
        HEAVY,
        /** All of one sign, far from 0. */
        SHIFTED;

        private double next(Random random) {
            return switch (this) {
                case NORMAL -> random.nextGaussian();
                case LAPLACE -> {
                    double u = random.nextDouble() - 0.5;
                    yield -Math.signum(u) * Math.log1p(-2 * Math.abs(u));
                }
                case HEAVY -> {
                    double squares = 0;
                    for (int i = 0; i < 3; ++i) {
                        squares += Math.pow(random.nextGaussian(), 2);
                    }
                    yield random.nextGaussian() / Math.sqrt(squares / 3);
                }
                case SHIFTED -> 50 + random.nextGaussian();
            };
        }

        Tensor matrix(int rows, int columns, long seed) {
            Random random = new Random(seed);
            float[] values = new float[rows * columns];
            for (int i = 0; i < values.length; ++i) {
                values[i] = (float) (0.02 * next(random));
            }
            return PlainWeights.matrix(Dtype.FLOAT32, rows, values);
        }
    }

    /** A weight named {@code m.weight}. 16-bit values are truncated, not rounded. */
    static Tensor matrix(Dtype dtype, int rows, float... values) {
        ByteBuffer data = ByteBuffer.allocateDirect(values.length * dtype.bytes());
        data.order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (dtype) {
                case FLOAT32 -> data.putFloat(value);
                case BFLOAT16 -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                case FLOAT16 -> data.putShort(toHalf(value));
                default -> throw new IllegalArgumentException(dtype + "");
            }
        }
        long[] shape = {rows, values.length / rows};
        return new Tensor("m.weight", dtype, shape, data.flip());
    }

    static float[] values(Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        ByteBuffer data = tensor.data();
        for (int i = 0; i < values.length; ++i) {
            values[i] =
                    switch (tensor.dtype()) {
                        case FLOAT32 -> data.getFloat(4 * i);
                        case BFLOAT16 -> Float.intBitsToFloat(data.getShort(2 * i) << 16);
                        case FLOAT16 -> ofHalf(data.getShort(2 * i));
                        default -> throw new IllegalArgumentException(tensor + "");
                    };
        }
        return values;
    }

    /** The value of a float16, by definition. */
    static float ofHalf(short half) {
        int exponent = half >> 10 & 31;
        int fraction = half & 1023;
        float magnitude =
                exponent == 0
                        ? fraction * 0x1p-24f
                        : Math.scalb(1 + fraction / 1024f, exponent - 15);
        if (exponent == 31) {
            magnitude = fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        }
        return half < 0 ? -magnitude : magnitude;
    }

    /** The nearest float16, ties to even, by exhaustive search. */
    static short toHalf(double value) {
        int sign = Math.copySign(1, value) < 0 ? 0x8000 : 0;
        if (Double.isNaN(value)) {
            return 0x7e00;
        }
        int below = 0;
        int infinite = 0x7c00;
        int above = infinite;
        while (above - below > 1) {
            int middle = (below + above) / 2;
            if (ofHalf((short) middle) <= Math.abs(value)) {
                below = middle;
            } else {
                above = middle;
            }
        }
        double step = (above == infinite ? 65536 : ofHalf((short) above)) - ofHalf((short) below);
        double rest = (Math.abs(value) - ofHalf((short) below)) / step;
        boolean up = rest > 0.5 || (rest == 0.5 && below % 2 == 1);
        return (short) (sign | (up ? above : below));
    }

    /** Squared error of each {@code size} consecutive weights. */
    static double[] errors(Tensor tensor, float[] given, int size) {
        float[] wanted = values(tensor);
        double[] errors = new double[wanted.length / size];
        for (int i = 0; i < wanted.length; ++i) {
            errors[i / size] += Math.pow((double) wanted[i] - given[i], 2);
        }
        return errors;
    }

    static double error(Tensor tensor, QuantizedWeight matrix) {
        return errors(tensor, QuantizedMatrices.values(matrix), (int) tensor.elements())[0];
    }
}
