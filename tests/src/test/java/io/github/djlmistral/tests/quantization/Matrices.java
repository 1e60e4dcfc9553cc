/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Random tensors, and quantized weights of random codes. */
public final class Matrices {

    private static final int TILE = Int4.TILE;

    private Matrices() {}

    /**
     * Largest magnitude of a weight without offsets; offsets are at most twice that. The standard
     * deviation of the weights is 0.4 of it, so that outputs are about as large as inputs: 0.1 with
     * 128 columns, 0.02 with the 4096 of Mistral 7B.
     */
    public static float largest(int columns) {
        return 2.8f / (float) Math.sqrt(columns);
    }

    /**
     * Makes a matrix of a description such as {@code "int4 g32 f32 offsets order"}, with spaces or
     * hyphens: {@code int4}, {@code int6}, {@code int8} or {@code nf4}, the group's or block's
     * size; {@code f32} for scales of float32 instead of float16, {@code two} for two-level ones,
     * {@code offsets}, {@code order} for columns out of order.
     */
    public static QuantizedWeight of(String description, int rows, int columns, long seed) {
        Random random = new Random(seed);
        List<String> words = List.of(description.split("[ -]"));
        int size = Integer.parseInt(words.get(1).substring(1));
        float largest = largest(columns);
        if (words.contains("nf4")) {
            int numbers = rows * columns;
            int blocks = (numbers + size - 1) / size;
            return new BitsandbytesWeight(
                    rows,
                    columns,
                    size,
                    BitsandbytesWeight.nf4(),
                    codes(Dtype.UINT8, random, (numbers + 1) / 2),
                    numbers(Dtype.FLOAT32, largest / 2, largest, random, blocks));
        }
        boolean bytes = words.contains("int8");
        Dtype dtype = words.contains("f32") ? Dtype.FLOAT32 : Dtype.FLOAT16;
        int tiles = (rows + TILE - 1) / TILE;
        boolean six = words.contains("int6");
        float scale = largest / (bytes ? 128 : six ? 32 : 8);
        boolean two = words.contains("two");
        long[] groups = {tiles, columns / size, TILE};
        Tensor scales =
                two
                        ? twoLevel(scale / 64, random, tiles, columns / 256, 256 / size)
                        : numbers(dtype, scale / 2, scale, random, groups);
        Tensor offsets =
                !words.contains("offsets")
                        ? null
                        : two
                                ? twoLevel(-largest / 32, random, tiles, columns / 256, 256 / size)
                                : numbers(dtype, -2 * largest, 0, random, groups);
        if (bytes) {
            Tensor codes = codes(Dtype.INT8, random, tiles, columns, TILE);
            return new Int8(rows, codes, scales, offsets);
        }
        if (six) {
            Tensor codes = codes(Dtype.UINT8, random, tiles, columns / 16, 12 * TILE);
            return new Int6(rows, codes, scales, offsets);
        }
        Tensor codes = codes(Dtype.UINT8, random, tiles, columns / 8, 4 * TILE);
        return new Int4(
                rows, codes, scales, offsets, words.contains("order") ? order(columns) : null);
    }

    private static int[] order(int columns) {
        List<Integer> order =
                IntStream.range(0, columns)
                        .boxed()
                        .collect(Collectors.toCollection(ArrayList::new));
        Collections.shuffle(order, new Random(99));
        return order.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Two-level scales: float16 from d/2 to d, and bytes of 6 bits, of which some are negative. */
    private static Tensor twoLevel(float d, Random random, int tiles, int blocks, int groups) {
        Tensor tensor = Tensor.allocate("random", Dtype.INT8, tiles, blocks, (2L + groups) * TILE);
        ByteBuffer data = tensor.data();
        while (data.hasRemaining()) {
            data.put(numbers(Dtype.FLOAT16, d / 2, d, random, TILE).data());
            for (int i = 0; i < groups * TILE; ++i) {
                int code = random.nextInt(64);
                data.put((byte) (random.nextInt(16) == 0 ? -code : code));
            }
        }
        return tensor;
    }

    private static Tensor codes(Dtype dtype, Random random, long... shape) {
        Tensor tensor = Tensor.allocate("random", dtype, shape);
        byte[] bytes = new byte[tensor.data().remaining()];
        random.nextBytes(bytes);
        tensor.data().put(bytes);
        return tensor;
    }

    /** Uniformly distributed values of a range. */
    public static Tensor numbers(Dtype dtype, float from, float to, Random random, long... shape) {
        Tensor tensor = Tensor.allocate("random", dtype, shape);
        ByteBuffer data = tensor.data();
        while (data.hasRemaining()) {
            float value = from + (to - from) * random.nextFloat();
            int bits = Float.floatToRawIntBits(value);
            // cut to float16: 10 bits of fraction, another bias; zero where it is tiny
            int magnitude = ((bits & 0x7fffffff) - (112 << 23)) >> 13;
            switch (dtype) {
                case FLOAT32 -> data.putFloat(value);
                case BFLOAT16 -> data.putShort((short) (bits >> 16));
                default -> data.putShort((short) ((bits >>> 16 & 0x8000) | Math.max(0, magnitude)));
            }
        }
        return tensor;
    }
}
