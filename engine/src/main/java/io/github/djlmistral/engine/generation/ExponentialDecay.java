/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * The value of {@code exponential_decay_length_penalty}: from a number of generated tokens on, the
 * score of the end-of-sequence tokens grows exponentially.
 *
 * @param startIndex number of generated tokens without an effect, at least 0
 * @param factor base of the exponential, above 0; above 1 ends the text earlier
 */
public record ExponentialDecay(int startIndex, double factor) {}
