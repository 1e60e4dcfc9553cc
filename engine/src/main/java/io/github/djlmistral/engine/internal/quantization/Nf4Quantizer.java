/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/**
 * Quantizes weights to NF4, with the same codes as bitsandbytes.
 *
 * <p>The flattened matrix is divided into blocks of 64. {@code absmax} is the largest magnitude of
 * a block, and the code of a weight is that of the codebook value nearest to {@code w · (1 /
 * absmax)}.
 */
public final class Nf4Quantizer {

    /** Weights per block, bitsandbytes' default. */
    public static final int BLOCK = 64;

    /** Blocks per task: 256 KiB of float32. */
    private static final int CHUNK = 1024;

    /**
     * A value above the k-th threshold has a code above k. Thresholds are the means of adjacent
     * codebook values, with the last digits of bitsandbytes.
     */
    private static final float[] THRESHOLDS = {
        -0.8480964f,
        -0.6106329f,
        -0.45999527f,
        -0.33967942f,
        -0.2346074f,
        -0.13791174f,
        -0.045525018f,
        0.03979015f,
        0.12025525f,
        0.20352125f,
        0.29201376f,
        0.38931254f,
        0.50166345f,
        0.6427869f,
        0.8614784f,
        Float.POSITIVE_INFINITY
    };

    /** Cells that divide -1 to 1, each narrower than the distance of two thresholds. */
    private static final int CELLS = 64;

    /** The code at the beginning of each cell; a value in the cell has this code or the next. */
    private static final byte[] CELL_CODES = cellCodes();

    private Nf4Quantizer() {}

    /**
     * Quantizes a matrix, in parallel.
     *
     * @param tensor float32, float16 or bfloat16, (rows, columns)
     * @return the quantized weight; its tensors have bitsandbytes' names, that of {@code tensor}
     *     for the codes, uint8 ((rows · columns + 1) / 2, 1)
     * @throws IllegalArgumentException if the tensor is not such a matrix, or has infinite values
     *     or NaN; the message names it
     */
    public static BitsandbytesWeight quantize(Tensor tensor) {
        FloatMatrix source = FloatMatrix.of(tensor);
        long numbers = tensor.elements();
        int blocks = Math.toIntExact((numbers + BLOCK - 1) / BLOCK);
        Tensor codes = Tensor.allocate(tensor.name(), Dtype.UINT8, (numbers + 1) / 2, 1);
        Tensor absmax = Tensor.allocate(tensor.name() + ".absmax", Dtype.FLOAT32, blocks);
        ByteBuffer codeBytes = codes.data();
        ByteBuffer absmaxBytes = absmax.data();
        IntStream.range(0, (blocks + CHUNK - 1) / CHUNK)
                .parallel()
                .forEach(
                        chunk -> {
                            long begin = (long) chunk * CHUNK * BLOCK;
                            long length = Math.min((long) CHUNK * BLOCK, numbers - begin);
                            // padded to a whole byte with the code of 0
                            float[] read = new float[(int) length];
                            source.read(begin, read);
                            byte[] chunkCodes = new byte[(read.length + 1) / 2 * 2];
                            chunkCodes[chunkCodes.length - 1] = code(0);
                            for (int at = 0; at < read.length; at += BLOCK) {
                                int end = Math.min(at + BLOCK, read.length);
                                float most = block(read, at, end, chunkCodes);
                                int block = chunk * CHUNK + at / BLOCK;
                                absmaxBytes.putFloat(Float.BYTES * block, most);
                            }
                            int first = (int) (begin / 2);
                            for (int i = 0; i < chunkCodes.length; i += 2) {
                                int both = chunkCodes[i] << 4 | chunkCodes[i + 1];
                                codeBytes.put(first + i / 2, (byte) both);
                            }
                        });
        return new BitsandbytesWeight(
                source.rows(), source.columns(), BLOCK, BitsandbytesWeight.nf4(), codes, absmax);
    }

    private static float block(float[] weights, int begin, int end, byte[] codes) {
        float most = 0;
        for (int i = begin; i < end; ++i) {
            most = Math.max(most, Math.abs(weights[i]));
        }
        // if the reciprocal overflows, all weights of the block become 0
        float reciprocal = 1 / most;
        if (Float.isInfinite(reciprocal)) {
            reciprocal = 0;
        }
        for (int i = begin; i < end; ++i) {
            codes[i] = code(weights[i] * reciprocal);
        }
        return most;
    }

    /** The code of a value from -1 to 1, or slightly beyond because the reciprocal is rounded. */
    private static byte code(float x) {
        int cell = Math.min(Math.max((int) ((x + 1) * (CELLS / 2)), 0), CELLS - 1);
        byte code = CELL_CODES[cell];
        return x > THRESHOLDS[code] ? (byte) (code + 1) : code;
    }

    private static byte[] cellCodes() {
        byte[] codes = new byte[CELLS];
        for (int cell = 0; cell < CELLS; ++cell) {
            float begin = cell / (CELLS / 2f) - 1;
            while (begin > THRESHOLDS[codes[cell]]) {
                ++codes[cell];
            }
        }
        return codes;
    }
}
