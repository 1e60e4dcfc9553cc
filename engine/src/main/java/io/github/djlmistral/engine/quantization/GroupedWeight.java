/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A weight whose columns share a scale in groups, and an offset unless it is symmetric. Codes,
 * scales and offsets are stored in tiles of 16 rows, see {@link Int4}.
 */
public abstract sealed class GroupedWeight implements QuantizedWeight permits Int4, Int6, Int8 {

    private final String format;
    private final int rows;
    private final int columns;
    private final int groupSize;
    private final Tensor codes;
    private final Tensor scales;
    private final @Nullable Tensor offsets;

    /**
     * Creates a weight from its tensors.
     *
     * @param format the name of the format
     * @param rows the number of outputs
     * @param codes (T, columns / width, bytes)
     * @param scales the scales, see {@link Factors}
     * @param offsets of the scales' type and shape, null for a symmetric weight
     * @param type the type of the codes
     * @param width the number of columns of a block of codes
     * @param bytes the size of a block of codes
     * @param supported whether a group size is supported
     * @throws IllegalArgumentException if the tensors are inconsistent
     */
    GroupedWeight(
            String format,
            int rows,
            Tensor codes,
            Tensor scales,
            @Nullable Tensor offsets,
            Dtype type,
            int width,
            int bytes,
            IntPredicate supported) {
        long[] shape = codes.shape();
        long tiles = (rows + Int4.TILE - 1L) / Int4.TILE;
        int size = shape.length == 3 ? Factors.groupSize(scales, tiles, width * shape[1]) : 0;
        boolean fits =
                codes.dtype() == type
                        && size > 0
                        && shape[0] == tiles
                        && shape[2] == bytes
                        && supported.test(size);
        boolean alike =
                offsets == null
                        || (offsets.dtype() == scales.dtype()
                                && Arrays.equals(offsets.shape(), scales.shape()));
        if (!fits || !alike) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "not an %s weight of %d rows: codes %s, scales %s, offsets %s",
                            format,
                            rows,
                            codes,
                            scales,
                            offsets));
        }
        this.format = format;
        this.rows = rows;
        columns = Math.toIntExact(width * shape[1]);
        groupSize = size;
        this.codes = codes;
        this.scales = scales;
        this.offsets = offsets;
    }

    @Override
    public final int rows() {
        return rows;
    }

    @Override
    public final int columns() {
        return columns;
    }

    /** Returns the group size in columns. */
    public final int groupSize() {
        return groupSize;
    }

    /** Returns the codes, in tiles of 16 rows. */
    public final Tensor codes() {
        return codes;
    }

    /** Returns the scales (T, G, 16), or two-level ones. */
    public final Tensor scales() {
        return scales;
    }

    /** Returns the offsets, of the layout of the scales; null for a symmetric weight. */
    public final @Nullable Tensor offsets() {
        return offsets;
    }

    /** Returns the code of a weight, less the zero point if the weight is symmetric. */
    abstract int code(ByteBuffer data, int row, int column);

    /** Returns the input that a column belongs to. */
    int input(int column) {
        return column;
    }

    @Override
    public final void dequantizeRow(int row, float[] to) {
        ByteBuffer data = codes.data();
        Factors scale = new Factors(scales);
        Factors offset = offsets == null ? null : new Factors(offsets);
        int tile = row / Int4.TILE;
        int place = row % Int4.TILE;
        for (int c = 0; c < columns; ++c) {
            int group = c / groupSize;
            float value = scale.get(tile, group, place) * code(data, row, c);
            to[input(c)] = offset == null ? value : value + offset.get(tile, group, place);
        }
    }

    @Override
    public final List<Tensor> tensors() {
        List<Tensor> tensors = new ArrayList<>(List.of(codes, scales));
        if (offsets != null) {
            tensors.add(offsets);
        }
        return tensors;
    }

    /** Returns such as {@code int4 g64}. */
    @Override
    public final String toString() {
        return format + " g" + groupSize;
    }
}
