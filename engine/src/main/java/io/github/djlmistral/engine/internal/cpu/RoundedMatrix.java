/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.quantization.GroupedWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An {@link Int4} or {@link Int6} weight. Inputs are rounded to int8 in the groups of the weight,
 * once for all rows; the sums within a group are exact.
 */
final class RoundedMatrix implements Matrix {

    /** Tiles of 16 rows that a thread takes at once. */
    private static final int SHARE = 4;

    /** Rounded groups of inputs that a thread takes at once. */
    private static final int ROUNDED = 1024;

    private final int set;
    private final GroupedWeight weight;
    private final int bits;
    private final int group;
    private final int[] order;
    private final long codes;
    private final long scales;
    private final long offsets;
    private final int type;

    /**
     * Prepares a weight.
     *
     * @param set an available instruction set
     * @param weight the weight
     * @param bits the number of bits of a code, 4 or 6
     * @param inputs the input that each column belongs to; null if they are in order
     */
    RoundedMatrix(InstructionSet set, GroupedWeight weight, int bits, int @Nullable [] inputs) {
        this.set = set.index();
        this.weight = weight;
        this.bits = bits;
        group = weight.groupSize();
        order = inputs == null ? new int[0] : inputs;
        if (Arrays.stream(order).anyMatch(i -> i < 0 || i >= weight.columns())) {
            throw new IllegalArgumentException("the input order of " + weight + " is out of range");
        }
        long padded = (long) Matrix.tiles(weight) * Int4.TILE;
        codes = Address.of(weight.codes(), padded * weight.columns() * bits / Byte.SIZE);
        scales = Address.of(weight, weight.scales());
        offsets = Address.of(weight, weight.offsets());
        type = NativeLibrary.factorType(weight.scales().dtype());
    }

    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int columns() {
        return weight.columns();
    }

    @Override
    public void multiply(ThreadTeam team, long x, int tokens, long out) {
        int columns = columns();
        int tiles = Matrix.tiles(weight);
        long inputs = (long) tokens * columns;
        int groups = Math.toIntExact(inputs / group);
        long ordered = order.length == 0 ? 0 : Float.BYTES * inputs;
        team.share(
                ordered + inputs + (Float.BYTES + Integer.BYTES) * (long) groups,
                scratch -> {
                    long from = order.length == 0 ? x : scratch;
                    long rounded = scratch + ordered;
                    long roundedScales = rounded + inputs;
                    long sums = roundedScales + (long) Float.BYTES * groups;
                    if (order.length > 0) {
                        team.forEach(tokens, 1, (first, last) -> gather(x, first, last, scratch));
                    }
                    team.forEach(
                            groups,
                            ROUNDED,
                            (first, last) ->
                                    NativeLibrary.round(
                                            set,
                                            from + (long) Float.BYTES * group * first,
                                            last - first,
                                            group,
                                            rounded + (long) group * first,
                                            roundedScales + (long) Float.BYTES * first,
                                            sums + (long) Integer.BYTES * first));
                    team.forEach(
                            tiles,
                            SHARE,
                            (first, last) ->
                                    NativeLibrary.roundedLinear(
                                            set,
                                            bits,
                                            codes,
                                            scales,
                                            offsets,
                                            type,
                                            rows(),
                                            columns,
                                            group,
                                            rounded,
                                            roundedScales,
                                            sums,
                                            tokens,
                                            first,
                                            last,
                                            out));
                });
    }

    /** Puts the inputs of tokens into the order of the columns. */
    private void gather(long x, int first, int last, long to) {
        for (int t = first; t < last; ++t) {
            long at = (long) Float.BYTES * columns() * t;
            NativeLibrary.gather(x + at, order, columns(), to + at);
        }
    }
}
