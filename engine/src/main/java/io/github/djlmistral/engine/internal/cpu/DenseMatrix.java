/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.weights.Dtype;

/**
 * A weight of float32, float16 or bfloat16.
 *
 * @param set the index of the instruction set
 * @param address the address of the weight (rows, columns)
 * @param dtype its type
 * @param rows the number of outputs
 * @param columns the number of inputs
 */
record DenseMatrix(int set, long address, Dtype dtype, int rows, int columns) implements Matrix {

    /** Rows that a thread takes at once. */
    private static final int SHARE = 32;

    /** Bytes for the sums and the panel of {@code panel.h}, 48 x 16 x 16 and 16 x 256 floats. */
    static final long SCRATCH = (48 * 16 * 16 + 16 * 256) * (long) Float.BYTES;

    @Override
    public void multiply(ThreadTeam team, long x, int tokens, long out) {
        int type = NativeLibrary.type(dtype);
        team.run(
                SCRATCH * team.size(),
                (scratch, member) -> {
                    for (int r = team.take(SHARE); r < rows; r = team.take(SHARE)) {
                        NativeLibrary.denseLinear(
                                set,
                                address,
                                type,
                                rows,
                                columns,
                                x,
                                tokens,
                                r,
                                Math.min(rows, r + SHARE),
                                out,
                                scratch + SCRATCH * member);
                    }
                });
    }
}
