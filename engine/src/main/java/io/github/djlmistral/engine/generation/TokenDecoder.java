/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/** Decodes token ids to text, for stop strings. */
@FunctionalInterface
public interface TokenDecoder {

    /**
     * Decodes token ids.
     *
     * @param ids token ids
     * @return the text
     */
    String decode(long[] ids);
}
