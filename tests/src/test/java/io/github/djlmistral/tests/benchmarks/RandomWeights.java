/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.quantization.Codebook4;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;

/** Random arrays and matrices, all numbers small and finite. */
final class RandomWeights {

    private final Random random = new Random(1);

    /** Returns an array of the kernels' own type, of numbers as in {@link #tensor}. */
    NDArray array(Kernels kernels, NDManager manager, long... shape) {
        return kernels.load(manager, tensor(shape));
    }

    /** Returns numbers from -2 to 2, float32, each as likely as another. */
    Tensor tensor(long... shape) {
        int size = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * size).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putFloat(random.nextInt() * 0x1p-30f);
        }
        return new Tensor("x", Dtype.FLOAT32, shape, bytes.flip());
    }

    /**
     * Returns a matrix.
     *
     * @param kind {@code int4-g32}, {@code int4-g64}, {@code int4-g128}, the same with {@code
     *     -offsets} behind, or {@code nf4}
     */
    QuantizedWeight matrix(String kind, int rows, int columns) {
        if (kind.equals("nf4")) {
            int blocks = rows * columns / 64;
            ByteBuffer absmax =
                    ByteBuffer.allocateDirect(4 * blocks).order(ByteOrder.LITTLE_ENDIAN);
            while (absmax.hasRemaining()) {
                absmax.putFloat(0.05f);
            }
            return new Codebook4(
                    rows,
                    columns,
                    64,
                    Codebook4.nf4(),
                    codes(rows * columns / 2),
                    new Tensor("absmax", Dtype.FLOAT32, new long[] {blocks}, absmax.flip()));
        }
        String[] parts = kind.split("-", -1);
        int group = Integer.parseInt(parts[1].substring(1));
        int tiles = (rows + Int4.TILE - 1) / Int4.TILE;
        return new Int4(
                rows,
                codes(tiles, columns / 8, 4 * Int4.TILE),
                halves((short) 0x1c74, tiles, columns / group, Int4.TILE),
                parts.length == 2
                        ? null
                        : halves((short) 0xa85c, tiles, columns / group, Int4.TILE),
                null);
    }

    private Tensor codes(long... shape) {
        byte[] bytes = new byte[Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b))];
        random.nextBytes(bytes);
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        return new Tensor("codes", Dtype.UINT8, shape, direct);
    }

    /** All numbers alike: 0x1c74 is 0.00435 in float16, 0xa85c is -0.034, eight times as much. */
    private static Tensor halves(short value, long... shape) {
        int size = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
        ByteBuffer bytes = ByteBuffer.allocateDirect(2 * size).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putShort(value);
        }
        return new Tensor("halves", Dtype.FLOAT16, shape, bytes.flip());
    }
}
