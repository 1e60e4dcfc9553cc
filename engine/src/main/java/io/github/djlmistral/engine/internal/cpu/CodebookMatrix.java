/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteOrder;

/** An NF4 or FP4 weight whose blocks do not extend over the end of a row. */
final class CodebookMatrix implements Matrix {

    /** Rows that a thread takes at once. */
    private static final int SHARE = 32;

    /** Blocks of fewer weights do not fill the lanes of the kernel. */
    private static final int SMALLEST_BLOCK = 32;

    private final int set;
    private final BitsandbytesWeight weight;
    private final Tensor table; // is freed when it is unreachable
    private final long tableAddress;
    private final long codes;
    private final long absmax;

    CodebookMatrix(InstructionSet set, BitsandbytesWeight weight) {
        this.set = set.index();
        this.weight = weight;
        table = Tensor.allocate("table", Dtype.FLOAT32, weight.table().length);
        table.data().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(weight.table());
        tableAddress = Address.of(table, (long) Float.BYTES * weight.table().length);
        long numbers = (long) weight.rows() * weight.columns();
        codes = Address.of(weight.codes(), numbers / 2);
        absmax = Address.of(weight.absmax(), numbers / weight.blockSize() * Float.BYTES);
    }

    /** Returns whether the kernel supports the blocks of a weight. */
    static boolean supports(BitsandbytesWeight weight) {
        return weight.columns() % weight.blockSize() == 0
                && weight.blockSize() % SMALLEST_BLOCK == 0;
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
        long row = (long) Float.BYTES * columns();
        team.share(
                row * tokens + DenseMatrix.SCRATCH * team.size(),
                split -> {
                    team.forEach(
                            tokens,
                            1,
                            (first, last) ->
                                    NativeLibrary.split(
                                            set,
                                            x + row * first,
                                            last - first,
                                            columns(),
                                            split + row * first));
                    long panels = split + row * tokens;
                    team.run(
                            0,
                            (scratch, member) ->
                                    multiply(
                                            team,
                                            split,
                                            tokens,
                                            out,
                                            panels + DenseMatrix.SCRATCH * member));
                });
    }

    private void multiply(ThreadTeam team, long split, int tokens, long out, long panel) {
        for (int r = team.take(SHARE); r < rows(); r = team.take(SHARE)) {
            NativeLibrary.codebookLinear(
                    set,
                    codes,
                    absmax,
                    tableAddress,
                    rows(),
                    columns(),
                    weight.blockSize(),
                    split,
                    tokens,
                    r,
                    Math.min(rows(), r + SHARE),
                    out,
                    panel);
        }
    }
}
