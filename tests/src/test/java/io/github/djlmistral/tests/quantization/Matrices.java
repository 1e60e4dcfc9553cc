/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import io.github.djlmistral.engine.quantization.Codebook4;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Matrices in few bits of random codes, straight from their parts. */
public final class Matrices {

    /** Scales are above half of it, and not above it. */
    public static final float SCALE = 1 / 64f;

    /** The size of an offset is not above it: as far as 16 steps of the largest scale. */
    public static final float OFFSET = 16 * SCALE;

    private static final int TILE = Int4.TILE;

    private Matrices() {}

    /**
     * Makes a matrix of a description such as {@code "int4 g32 f16 offsets order"}: {@code int4},
     * {@code int8} or {@code nf4}, the group's or block's size; {@code f16} for float16 scales,
     * {@code offsets}, {@code order} for columns out of order.
     */
    public static QuantizedWeight of(String description, int rows, int columns, long seed) {
        Random random = new Random(seed);
        List<String> words = List.of(description.split(" "));
        int size = Integer.parseInt(words.get(1).substring(1));
        if (words.contains("nf4")) {
            int numbers = rows * columns;
            return new Codebook4(
                    rows,
                    columns,
                    size,
                    Codebook4.nf4(),
                    codes(Dtype.UINT8, random, (numbers + 1) / 2),
                    floats(Dtype.FLOAT32, SCALE / 2, SCALE, random, (numbers + size - 1) / size));
        }
        Dtype dtype = words.contains("f16") ? Dtype.FLOAT16 : Dtype.FLOAT32;
        int tiles = (rows + TILE - 1) / TILE;
        long[] groups = {tiles, columns / size, TILE};
        Tensor scales = floats(dtype, SCALE / 2, SCALE, random, groups);
        Tensor offsets =
                words.contains("offsets") ? floats(dtype, -OFFSET, 0, random, groups) : null;
        if (words.contains("int8")) {
            Tensor codes = codes(Dtype.INT8, random, tiles, columns, TILE);
            return new Int8(rows, codes, scales, offsets);
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

    private static Tensor codes(Dtype dtype, Random random, long... shape) {
        Tensor tensor = allocate(dtype, shape);
        byte[] bytes = new byte[tensor.data().remaining()];
        random.nextBytes(bytes);
        tensor.data().put(bytes);
        return tensor;
    }

    private static Tensor floats(Dtype dtype, float from, float to, Random random, long... shape) {
        Tensor tensor = allocate(dtype, shape);
        ByteBuffer data = tensor.data();
        while (data.hasRemaining()) {
            float value = from + (to - from) * random.nextFloat();
            if (dtype == Dtype.FLOAT32) {
                data.putFloat(value);
            } else { // cut to float16: 10 bits of fraction, another bias; zero where it is tiny
                int bits = Float.floatToRawIntBits(value);
                int magnitude = ((bits & 0x7fffffff) - (112 << 23)) >> 13;
                data.putShort((short) ((bits >>> 16 & 0x8000) | Math.max(0, magnitude)));
            }
        }
        return tensor;
    }

    private static Tensor allocate(Dtype dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long dimension : shape) {
            bytes *= dimension;
        }
        ByteBuffer data = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        return new Tensor("random", dtype, shape, data);
    }
}
