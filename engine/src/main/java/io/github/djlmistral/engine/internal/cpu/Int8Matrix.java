/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;

/** An {@link Int8} weight. */
final class Int8Matrix implements Matrix {

    /** Tiles of 16 rows that a thread takes at once. */
    private static final int SHARE = 2;

    private final int set;
    private final Int8 weight;
    private final int tiles;
    private final long codes;
    private final long scales;
    private final long offsets;
    private final int type;

    Int8Matrix(InstructionSet set, Int8 weight) {
        this.set = set.index();
        this.weight = weight;
        tiles = Matrix.tiles(weight);
        codes = Address.of(weight.codes(), (long) tiles * Int4.TILE * weight.columns());
        scales = Address.of(weight, weight.scales());
        offsets = Address.of(weight, weight.offsets());
        type = NativeLibrary.type(weight.scales().dtype());
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
        team.forEach(
                tiles,
                SHARE,
                (from, to) ->
                        NativeLibrary.int8Linear(
                                set,
                                codes,
                                scales,
                                offsets,
                                type,
                                rows(),
                                columns(),
                                weight.groupSize(),
                                x,
                                tokens,
                                from,
                                to,
                                out));
    }
}
