/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Packs codes, scales and offsets as {@link Int4}. */
public final class Int4Packer {

    private Int4Packer() {}

    /**
     * Packs a weight, in parallel.
     *
     * @param name the prefix of the tensors' names
     * @param rows the number of outputs
     * @param columns the number of inputs, a multiple of the group size
     * @param groupSize 32, 64 or 128
     * @param scaleType the type of scales and offsets: float16 or float32, int8 for two-level ones
     * @param symmetric whether there are no offsets
     * @param inputOrder see the constructor of {@link Int4}
     * @param source supplies codes (0 to 15), scales and offsets
     * @return the weight, in memory that it owns
     */
    public static Int4 pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            int @Nullable [] inputOrder,
            GroupedRowSource source) {
        if (!Int4.isGroupSize(groupSize) || columns % groupSize != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s: %d columns cannot be divided into groups of %d: the group size"
                                    + " must be 32, 64 or 128 and divide the columns",
                            name,
                            columns,
                            groupSize));
        }
        int tiles = (rows + Int4.TILE - 1) / Int4.TILE;
        Tensor codes =
                Tensor.allocate(
                        name + ".int4.codes", Dtype.UINT8, tiles, columns / 8, 4 * Int4.TILE);
        ByteBuffer words = codes.data();
        GroupedRowSource.Packed factors =
                source.pack(
                        name + ".int4",
                        rows,
                        columns,
                        groupSize,
                        scaleType,
                        symmetric,
                        (row, rowCodes) -> {
                            int at = Int4Layout.wordOffset(row, columns);
                            for (int c = 0; c < columns; c += 8, at += 4 * Int4.TILE) {
                                int word = 0;
                                for (int i = 0; i < 8; ++i) {
                                    word |= rowCodes[c + i] << Int4Layout.shift(i);
                                }
                                words.putInt(at, word);
                            }
                        });
        return new Int4(rows, codes, factors.scales(), factors.offsets(), inputOrder);
    }
}
