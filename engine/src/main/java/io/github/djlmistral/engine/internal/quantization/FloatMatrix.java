/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/**
 * An unquantized matrix, read row by row as float32. Thread-safe.
 *
 * @param tensor float32, float16 or bfloat16, (rows, columns)
 * @param largest the largest magnitude of its values, all of which are finite
 */
public record FloatMatrix(Tensor tensor, float largest) {

    /** Bytes that a task scans. */
    private static final int CHUNK = 1 << 20;

    /**
     * Checks a matrix and finds its largest magnitude.
     *
     * @throws IllegalArgumentException if the tensor is not a floating-point matrix, or has NaN or
     *     infinite values, which cannot be quantized
     */
    public static FloatMatrix of(Tensor tensor) {
        boolean plain =
                tensor.dtype() == Dtype.FLOAT32
                        || tensor.dtype() == Dtype.FLOAT16
                        || tensor.dtype() == Dtype.BFLOAT16;
        if (!plain || tensor.shape().length != 2) {
            throw new IllegalArgumentException(
                    tensor.name()
                            + " is "
                            + tensor
                            + ": only matrices of float32, float16 or bfloat16 can be quantized");
        }
        int size = tensor.data().capacity();
        int chunks = (int) (((long) size + CHUNK - 1) / CHUNK);
        int most =
                IntStream.range(0, chunks)
                        .parallel()
                        .map(
                                chunk -> {
                                    int begin = chunk * CHUNK;
                                    int length = Math.min(CHUNK, size - begin);
                                    return mostBits(tensor.data().slice(begin, length), tensor);
                                })
                        .max()
                        .orElse(0);
        float largest = toFloat(most, tensor.dtype());
        if (Float.isNaN(largest) || Float.isInfinite(largest)) {
            throw new IllegalArgumentException(
                    tensor.name()
                            + " has infinite values or NaN: the weights are damaged, or overflowed"
                            + " when they were converted to float16; download them again, in"
                            + " bfloat16 if there is a choice");
        }
        return new FloatMatrix(tensor, largest);
    }

    /** Bits of magnitudes compare as their values do; those above infinity are NaN. */
    private static int mostBits(ByteBuffer bytes, Tensor tensor) {
        int most = 0;
        if (tensor.dtype() == Dtype.FLOAT32) {
            int[] bits = new int[bytes.remaining() / Integer.BYTES];
            bytes.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(bits);
            for (int value : bits) {
                most = Math.max(most, value & 0x7fffffff);
            }
        } else {
            short[] bits = new short[bytes.remaining() / Short.BYTES];
            bytes.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(bits);
            for (short value : bits) {
                most = Math.max(most, value & 0x7fff);
            }
        }
        return most;
    }

    private static float toFloat(int bits, Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> Float.intBitsToFloat(bits);
            case FLOAT16 -> Float16.toFloat((short) bits);
            default -> Float.intBitsToFloat(bits << 16);
        };
    }

    public int rows() {
        return Math.toIntExact(tensor.shape()[0]);
    }

    public int columns() {
        return Math.toIntExact(tensor.shape()[1]);
    }

    /** Reads the values from index {@code first} on, in row-major order, as many as fit. */
    void read(long first, float[] to) {
        read(tensor, first, to);
    }

    /**
     * Reads values of a floating-point tensor of any shape.
     *
     * @param tensor float32, float16 or bfloat16
     * @param first the index of the first value
     * @param to receives as many as fit
     */
    public static void read(Tensor tensor, long first, float[] to) {
        int width = tensor.dtype().bytes();
        ByteBuffer bytes = tensor.data().position(Math.toIntExact(first * width));
        if (tensor.dtype() == Dtype.FLOAT32) {
            bytes.asFloatBuffer().get(to);
            return;
        }
        short[] bits = new short[to.length];
        bytes.asShortBuffer().get(bits);
        if (tensor.dtype() == Dtype.BFLOAT16) {
            for (int i = 0; i < to.length; ++i) {
                to[i] = Float.intBitsToFloat(bits[i] << 16);
            }
        } else {
            for (int i = 0; i < to.length; ++i) {
                to[i] = Float16.toFloat(bits[i]);
            }
        }
    }

    /** Reads one row of {@link #columns()} values. */
    public void row(int row, float[] to) {
        read((long) row * columns(), to);
    }
}
