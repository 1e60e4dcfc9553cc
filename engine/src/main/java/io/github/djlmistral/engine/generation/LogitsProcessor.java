/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * Modifies the scores of the next token before it is selected; {@code LogitsProcessor} of the
 * reference.
 */
@FunctionalInterface
public interface LogitsProcessor {

    /**
     * Modifies the scores of one sequence.
     *
     * @param scores one for each token of the vocabulary, modified in place; {@link
     *     Float#NEGATIVE_INFINITY} forbids a token
     * @param sequence the tokens so far
     */
    void process(float[] scores, Sequence sequence);
}
