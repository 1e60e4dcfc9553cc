/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

/** A weight (rows, columns) that float32 activations are multiplied by. */
interface Matrix {

    /** Returns the number of outputs. */
    int rows();

    /** Returns the number of inputs. */
    int columns();

    /**
     * Computes x · weightᵀ. The result of a token depends on nothing but the token: the number of
     * tokens and of threads does not change a bit.
     *
     * @param team the threads
     * @param x address of the inputs, float32 (tokens, columns)
     * @param tokens the number of tokens
     * @param out address of the outputs, float32 (tokens, rows)
     */
    void multiply(ThreadTeam team, long x, int tokens, long out);
}
