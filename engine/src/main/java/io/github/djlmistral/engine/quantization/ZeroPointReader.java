/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What GPTQ and AWQ have in common: groups of 4-bit codes, {@code w = (q - z) · s}, where the zero
 * point z is a code too. The matrices are stored transposed, inputs first, with G groups:
 *
 * <pre>
 * X.scales   float16 or bfloat16 (G, out)
 * X.qzeros   int32 (G, out/8), eight zero points in a word
 * </pre>
 *
 * <p>This becomes {@link Int4} without loss. A scale has 11 bits at most and a code 4, so that in
 * float32 {@code s · q} and the offset {@code -s · z} are exact, and so is their sum, {@code s · (q
 * - z)}. Where all zero points are 8, a symmetric matrix with the scales as they are says the same.
 */
abstract class ZeroPointReader {

    private static final int EIGHTS = 0x88888888;

    final int rows;
    final int columns;
    private final int groupSize;
    private final Tensor scales;
    private final int[] zeros;

    /**
     * Takes a matrix's scales and zero points.
     *
     * @param parts the tensors
     * @param name X, as above
     * @param codes {@code X.qweight}, a matrix
     * @param inputs how many inputs one of its words has
     * @param outputs how many outputs one of its words has
     * @param groupSize how many inputs share a scale
     * @param added what the stored zero points lack, 0 or 1
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
                            "%s is %s, and %s is %s: not the same multiple of 8 outputs. Or it is"
                                    + " quant_method in config.json that is wrong: qweight is"
                                    + " [inputs/8, outputs] with gptq, [inputs, outputs/8] with"
                                    + " awq",
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

    /** Adds 1 to each of eight zero points; 15 becomes 0, as AutoGPTQ has it. */
    private static int incremented(int word) {
        int sum = 0;
        for (int shift = 0; shift < 32; shift += 4) {
            sum |= ((word >>> shift) + 1 & 15) << shift;
        }
        return sum;
    }

    /** Where in a word the code of an output stands: the lowest four bits are 0. */
    abstract int place(int output);

    /** The codes of one row, its columns in the order that {@link #pack} was given. */
    abstract void codes(int row, byte[] codes);

    final Int4 pack(String weight, int @Nullable [] inputOrder) {
        boolean symmetric = true;
        for (int word : zeros) {
            symmetric &= word == EIGHTS;
        }
        Dtype type = symmetric && scales.dtype() == Dtype.FLOAT16 ? Dtype.FLOAT16 : Dtype.FLOAT32;
        ByteBuffer factors = scales.data();
        boolean half = scales.dtype() == Dtype.FLOAT16;
        return Int4.pack(
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
