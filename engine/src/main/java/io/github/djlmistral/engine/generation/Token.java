/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.Nullable;

/**
 * A token that was chosen.
 *
 * @param row the row of the batch it continues, from 0
 * @param id its number in the vocabulary
 * @param logProbability natural logarithm of the probability that the network gave it, before any
 *     processing; 0 at most
 * @param finish why the row ends with this token, or null where it goes on
 */
public record Token(int row, long id, float logProbability, @Nullable FinishReason finish) {}
