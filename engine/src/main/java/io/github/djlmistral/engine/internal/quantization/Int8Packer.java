/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;

/** Packs codes, scales and offsets as {@link Int8}. */
final class Int8Packer {

    private static final int TILE = Int4.TILE;

    private Int8Packer() {}

    /**
     * Packs a weight, in parallel.
     *
     * @param name the prefix of the tensors' names
     * @param rows the number of outputs
     * @param columns the number of inputs, a multiple of the group size
     * @param groupSize a multiple of 16
     * @param scaleType the type of scales and offsets, float16 or float32
     * @param symmetric whether there are no offsets
     * @param source supplies codes, scales and offsets
     * @return the weight, in memory that it owns
     */
    static Int8 pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            GroupedRowSource source) {
        if (groupSize % 16 != 0 || columns % groupSize != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s: %d columns cannot be divided into groups of %d",
                            name,
                            columns,
                            groupSize));
        }
        int tiles = (rows + TILE - 1) / TILE;
        Tensor codes = Tensor.allocate(name + ".int8.codes", Dtype.INT8, tiles, columns, TILE);
        ByteBuffer bytes = codes.data();
        GroupedRowSource.Packed factors =
                source.pack(
                        name + ".int8",
                        rows,
                        columns,
                        groupSize,
                        scaleType,
                        symmetric,
                        (row, rowCodes) -> {
                            int at = row / TILE * columns * TILE + row % TILE;
                            for (int c = 0; c < columns; ++c) {
                                bytes.put(at + c * TILE, rowCodes[c]);
                            }
                        });
        return new Int8(rows, codes, factors.scales(), factors.offsets());
    }
}
