/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.Nullable;

/**
 * A generated token.
 *
 * @param batchIndex index of its sequence in {@link GenerationResult#sequences}, from 0
 * @param id token id
 * @param logProbability natural logarithm of the softmax of the network's logits at this token,
 *     before logits processors; at most 0
 * @param finishReason the finish reason if this is the last token of its sequence, else null
 */
public record Token(
        int batchIndex, long id, float logProbability, @Nullable FinishReason finishReason) {}
