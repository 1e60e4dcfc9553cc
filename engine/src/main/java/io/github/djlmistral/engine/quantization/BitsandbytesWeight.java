/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;

/**
 * NF4 or FP4 quantized weight in bitsandbytes' layout (Dettmers et al. 2023, QLoRA).
 *
 * <p>The flattened weight is divided into blocks, of 64 weights by default, which may cross rows:
 * {@code w = table[code] · absmax[block]}, in float32. A byte holds two codes, the first in the
 * upper four bits.
 */
public final class BitsandbytesWeight implements QuantizedWeight {

    /** The codebook of NF4: quantiles of the normal distribution. */
    private static final float[] NF4 = {
        -1.0f,
        -0.6961928f,
        -0.52507305f,
        -0.3949175f,
        -0.28444138f,
        -0.18477343f,
        -0.091050036f,
        0.0f,
        0.0795803f,
        0.1609302f,
        0.2461123f,
        0.33791524f,
        0.44070983f,
        0.562617f,
        0.72295684f,
        1.0f
    };

    private final int rows;
    private final int columns;
    private final int blockSize;
    private final float[] table;
    private final Tensor codes;
    private final Tensor absmax;

    /**
     * Creates a weight from its parts.
     *
     * @param rows the number of outputs
     * @param columns the number of inputs
     * @param blockSize the number of weights of a block
     * @param table the codebook, the values of the codes 0 to 15
     * @param codes uint8, (rows · columns + 1) / 2 bytes in any shape
     * @param absmax float32 (blocks)
     * @throws IllegalArgumentException if the parts are inconsistent
     */
    public BitsandbytesWeight(
            int rows, int columns, int blockSize, float[] table, Tensor codes, Tensor absmax) {
        long numbers = (long) rows * columns;
        if (table.length != 16
                || codes.dtype() != Dtype.UINT8
                || codes.elements() != (numbers + 1) / 2
                || absmax.dtype() != Dtype.FLOAT32
                || absmax.elements() != (numbers + blockSize - 1) / blockSize) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "not a 4-bit weight of %d x %d in blocks of %d: codes %s, absmax %s",
                            rows,
                            columns,
                            blockSize,
                            codes,
                            absmax));
        }
        this.rows = rows;
        this.columns = columns;
        this.blockSize = blockSize;
        this.table = table.clone();
        this.codes = codes;
        this.absmax = absmax;
    }

    /** Returns the 16 values of NF4. */
    public static float[] nf4() {
        return NF4.clone();
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    /** Returns the number of weights of a block. */
    public int blockSize() {
        return blockSize;
    }

    /** Returns the codebook, the values of the codes 0 to 15. */
    public float[] table() {
        return table.clone();
    }

    /** Returns the codes, uint8. */
    public Tensor codes() {
        return codes;
    }

    /** Returns the scale of each block, float32 (blocks). */
    public Tensor absmax() {
        return absmax;
    }

    @Override
    public void dequantizeRow(int row, float[] to) {
        ByteBuffer bytes = codes.data();
        ByteBuffer factors = absmax.data();
        long first = (long) row * columns;
        for (int c = 0; c < columns; ++c) {
            long i = first + c;
            int both = bytes.get((int) (i / 2));
            int code = (i % 2 == 0 ? both >> 4 : both) & 15;
            to[c] = table[code] * factors.getFloat(4 * (int) (i / blockSize));
        }
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(codes, absmax);
    }

    /** Returns {@code nf4} or {@code fp4}. */
    @Override
    public String toString() {
        return table[0] == NF4[0] ? "nf4" : "fp4";
    }
}
