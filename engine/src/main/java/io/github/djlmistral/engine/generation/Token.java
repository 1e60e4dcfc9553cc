/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A generated token.
 *
 * @param batchIndex index of its sequence in {@link GenerationResult#sequences}, from 0
 * @param id token id
 * @param logProbability natural logarithm of the softmax of the network's logits at this token,
 *     before logits processors; at most 0
 * @param finishReason the finish reason if this is the last token of its sequence, else null
 * @param topLogProbabilities the {@code top_logprobs} most likely tokens, the most likely first
 */
public record Token(
        int batchIndex,
        long id,
        float logProbability,
        @Nullable FinishReason finishReason,
        List<TokenLogProbability> topLogProbabilities) {

    /** Copies the list. */
    public Token {
        topLogProbabilities = List.copyOf(topLogProbabilities);
    }

    /**
     * Makes a token without {@code top_logprobs}.
     *
     * @param batchIndex index of its sequence in the batch, from 0
     * @param id token id
     * @param logProbability its log-probability
     * @param finishReason the finish reason if this is the last token of its sequence, else null
     */
    public Token(
            int batchIndex, long id, float logProbability, @Nullable FinishReason finishReason) {
        this(batchIndex, id, logProbability, finishReason, List.of());
    }
}
