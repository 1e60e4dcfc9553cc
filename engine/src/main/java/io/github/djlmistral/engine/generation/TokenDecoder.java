/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/** Turns tokens into text, for criteria that look at text. */
@FunctionalInterface
public interface TokenDecoder {

    /**
     * Decodes tokens.
     *
     * @param ids token ids
     * @return their text
     */
    String decode(long[] ids);
}
