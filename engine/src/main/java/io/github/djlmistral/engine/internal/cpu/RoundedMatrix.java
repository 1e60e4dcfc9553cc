/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.internal.quantization.Factors;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Tensor;
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

    /** A function of the library, with its arguments. */
    @FunctionalInterface
    private interface Products {
        void multiply(
                int set,
                long codes,
                long scales,
                long offsets,
                int type,
                long rows,
                long columns,
                long group,
                long in,
                long inScales,
                long inSums,
                long tokens,
                long from,
                long to,
                long out);
    }

    private final int set;
    private final QuantizedWeight weight;
    private final Products products;
    private final int group;
    private final int[] order;
    private final long codes;
    private final long scales;
    private final long offsets;
    private final int type;

    RoundedMatrix(InstructionSet set, Int4 weight) {
        this.set = set.index();
        this.weight = weight;
        products = NativeLibrary::int4Linear;
        group = weight.groupSize();
        int[] given = weight.inputOrder();
        order = given == null ? new int[0] : given;
        if (Arrays.stream(order).anyMatch(i -> i < 0 || i >= weight.columns())) {
            throw new IllegalArgumentException("the input order of " + weight + " is out of range");
        }
        codes = codes(weight.codes(), 4);
        scales = factors(weight.scales());
        offsets = factors(weight.offsets());
        type = NativeLibrary.factorType(weight.scales().dtype());
    }

    RoundedMatrix(InstructionSet set, Int6 weight) {
        this.set = set.index();
        this.weight = weight;
        products = NativeLibrary::int6Linear;
        group = weight.groupSize();
        order = new int[0];
        codes = codes(weight.codes(), 6);
        scales = factors(weight.scales());
        offsets = factors(weight.offsets());
        type = NativeLibrary.factorType(weight.scales().dtype());
    }

    private long codes(Tensor tensor, int bits) {
        return Address.of(tensor, (long) tiles() * Int4.TILE * columns() * bits / Byte.SIZE);
    }

    private long factors(@Nullable Tensor tensor) {
        return tensor == null
                ? 0
                : Address.of(tensor, Factors.bytes(tensor.dtype(), tiles(), columns(), group));
    }

    private int tiles() {
        return (weight.rows() + Int4.TILE - 1) / Int4.TILE;
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
        int tiles = tiles();
        long inputs = (long) tokens * columns;
        int groups = Math.toIntExact(inputs / group);
        long ordered = order.length == 0 ? 0 : Float.BYTES * inputs;
        team.run(
                ordered + inputs + (Float.BYTES + Integer.BYTES) * (long) groups,
                (scratch, member) -> {
                    long from = order.length == 0 ? x : scratch;
                    long rounded = scratch + ordered;
                    long roundedScales = rounded + inputs;
                    long sums = roundedScales + (long) Float.BYTES * groups;
                    if (order.length > 0) {
                        for (int t = team.take(1); t < tokens; t = team.take(1)) {
                            long at = (long) Float.BYTES * columns * t;
                            NativeLibrary.gather(x + at, order, columns, scratch + at);
                        }
                        team.barrier();
                    }
                    for (int g = team.take(ROUNDED); g < groups; g = team.take(ROUNDED)) {
                        NativeLibrary.round(
                                set,
                                from + (long) Float.BYTES * group * g,
                                Math.min(ROUNDED, groups - g),
                                group,
                                rounded + (long) group * g,
                                roundedScales + (long) Float.BYTES * g,
                                sums + (long) Integer.BYTES * g);
                    }
                    team.barrier();
                    for (int t = team.take(SHARE); t < tiles; t = team.take(SHARE)) {
                        products.multiply(
                                set,
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
                                t,
                                Math.min(tiles, t + SHARE),
                                out);
                    }
                });
    }
}
