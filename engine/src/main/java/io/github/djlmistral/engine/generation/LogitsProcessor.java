/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * Changes the scores of the next token before one is chosen; {@code LogitsProcessor} of the
 * reference.
 */
@FunctionalInterface
public interface LogitsProcessor {

    /**
     * Changes the scores of one row.
     *
     * @param scores of the whole vocabulary, changed in place; {@link Float#NEGATIVE_INFINITY}
     *     rules a token out
     * @param row the row's tokens so far
     */
    void process(float[] scores, Row row);
}
