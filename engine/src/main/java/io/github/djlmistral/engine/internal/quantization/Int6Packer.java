/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;

/** Packs codes, scales and offsets as {@link Int6}. */
final class Int6Packer {

    private Int6Packer() {}

    /**
     * Packs a weight, in parallel.
     *
     * @param name the prefix of the tensors' names
     * @param rows the number of outputs
     * @param columns the number of inputs, a multiple of the group size
     * @param groupSize 16 or 32
     * @param scaleType the type of scales and offsets: float16, int8 for two-level ones
     * @param symmetric whether there are no offsets
     * @param source supplies codes (0 to 63), scales and offsets
     * @return the weight, in memory that it owns
     */
    static Int6 pack(
            String name,
            int rows,
            int columns,
            int groupSize,
            Dtype scaleType,
            boolean symmetric,
            GroupedRowSource source) {
        int tiles = (rows + Int4.TILE - 1) / Int4.TILE;
        Tensor codes =
                Tensor.allocate(
                        name + ".int6.codes", Dtype.UINT8, tiles, columns / 16, 12 * Int4.TILE);
        ByteBuffer words = codes.data();
        GroupedRowSource.Packed factors =
                source.pack(
                        name + ".int6",
                        rows,
                        columns,
                        groupSize,
                        scaleType,
                        symmetric,
                        (row, rowCodes) -> Int6Layout.put(words, row, rowCodes));
        return new Int6(rows, codes, factors.scales(), factors.offsets());
    }
}
