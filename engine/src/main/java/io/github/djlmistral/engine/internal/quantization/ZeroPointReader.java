/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Base of the GPTQ and AWQ readers: group-quantized weights {@code w = (q - z) · s} with 4-bit
 * codes and 4-bit zero points, stored transposed (inputs first), with G groups:
 *
 * <pre>
 * X.scales   float16 or bfloat16 (G, out)
 * X.qzeros   int32 (G, out/8), eight zero points in a word
 * </pre>
 *
 * <p>The conversion to {@link Int4} is lossless: a scale has at most 11 significant bits and a code
 * 4, so {@code s · q}, the offset {@code -s · z} and their sum are exact in float32. If all zero
 * points are 8, the result is symmetric and keeps the scales as they are.
 */
abstract class ZeroPointReader {

    private static final int EIGHTS = 0x88888888;

    final int rows;
    final int columns;
    private final int groupSize;
    private final Tensor scales;
    private final int[] zeros;

    /**
     * Reads scales and zero points.
     *
     * @param parts the tensors of the checkpoint
     * @param name X, as above
     * @param codes {@code X.qweight}, a matrix
     * @param inputs inputs per word of the codes
     * @param outputs outputs per word of the codes
     * @param groupSize inputs per group
     * @param added what is added to the stored zero points, 0 or 1
     */
    ZeroPointReader(
            UnclaimedTensors parts,
            String name,
            Tensor codes,
            int inputs,
            int outputs,
            int groupSize,
            int added)
            throws CheckpointException {
        scales = parts.takeMatrix(name + ".scales", Dtype.FLOAT16, Dtype.BFLOAT16);
        if (inputs * codes.shape()[0] > Integer.MAX_VALUE) {
            throw parts.broken(codes.name() + " is " + codes + ", which has over 2^31 inputs");
        }
        rows = Math.toIntExact(scales.shape()[1]);
        columns = Math.toIntExact(inputs * codes.shape()[0]);
        this.groupSize = groupSize;
        if (rows % 8 != 0 || outputs * codes.shape()[1] != rows) {
            throw parts.broken(
                    String.format(
                            "%s is %s, but %s is %s: their outputs must be the same multiple of 8."
                                    + " If the file is intact, quant_method in config.json is"
                                    + " wrong: qweight is [inputs/8, outputs] with gptq, [inputs,"
                                    + " outputs/8] with awq",
                            codes.name(), codes, scales.name(), scales));
        }
        int groups = parts.groups(scales, 0, columns, groupSize);
        IntBuffer stored =
                parts.takeShaped(name + ".qzeros", Dtype.INT32, groups, rows / 8)
                        .data()
                        .asIntBuffer();
        zeros = new int[stored.remaining()];
        for (int i = 0; i < zeros.length; ++i) {
            zeros[i] = added == 0 ? stored.get(i) : incremented(stored.get(i));
        }
    }

    /** Adds 1 to each of eight zero points; 15 wraps to 0, as in AutoGPTQ. */
    private static int incremented(int word) {
        int sum = 0;
        for (int shift = 0; shift < 32; shift += 4) {
            sum |= ((word >>> shift) + 1 & 15) << shift;
        }
        return sum;
    }

    /** Returns the place of an output's code in its word; place 0 is the lowest four bits. */
    abstract int place(int output);

    /** Reads the codes of one row, its columns in the order given to {@link #pack}. */
    abstract void codes(int row, byte[] codes);

    final Int4 pack(String weight, int @Nullable [] inputOrder) {
        boolean symmetric = true;
        for (int word : zeros) {
            symmetric &= word == EIGHTS;
        }
        Dtype type = symmetric && scales.dtype() == Dtype.FLOAT16 ? Dtype.FLOAT16 : Dtype.FLOAT32;
        ByteBuffer factors = scales.data();
        boolean half = scales.dtype() == Dtype.FLOAT16;
        return Int4Packer.pack(
                weight,
                rows,
                columns,
                groupSize,
                type,
                symmetric,
                inputOrder,
                (row, codes, rowScales, rowOffsets) -> {
                    codes(row, codes);
                    int shift = 4 * place(row % 8);
                    for (int g = 0; g < rowScales.length; ++g) {
                        short bits = factors.getShort(2 * (g * rows + row));
                        float scale =
                                half ? Float16.toFloat(bits) : Float.intBitsToFloat(bits << 16);
                        int zero = zeros[(g * rows + row) / 8] >>> shift & 15;
                        rowScales[g] = scale;
                        rowOffsets[g] = -scale * zero;
                    }
                });
    }
}
