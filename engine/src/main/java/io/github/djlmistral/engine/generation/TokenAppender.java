/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.internal.generation.Softmax;
import java.util.List;

/** Appends selected tokens to their sequences, with what the options ask for beside them. */
final class TokenAppender {

    private final StoppingCriteria stopping;
    private final int topLogprobs;
    private final boolean outputScores;

    /**
     * Makes an appender.
     *
     * @param config {@code top_logprobs} and {@code output_scores}
     * @param stopping tells which sequences are finished
     */
    TokenAppender(GenerationConfig config, StoppingCriteria stopping) {
        this.stopping = stopping;
        topLogprobs = config.get(OutputOptions.TOP_LOGPROBS);
        outputScores = config.get(OutputOptions.OUTPUT_SCORES);
    }

    /**
     * Appends a token, and finishes the sequence if it is the last one.
     *
     * @param index the index of the sequence in the batch
     * @param sequence the sequence
     * @param id the token
     * @param logits the network's logits
     * @param scores the scores after the processors
     */
    Token append(int index, Sequence sequence, int id, float[] logits, float[] scores) {
        Softmax softmax = new Softmax(logits);
        float logProbability = softmax.log(id);
        List<TokenLogProbability> top = TokenLogProbability.top(logits, softmax, topLogprobs);
        sequence.append(id, logProbability, top, outputScores ? scores.clone() : null);
        FinishReason finish = stopping.check(sequence);
        if (finish != null) {
            sequence.finish(finish);
        }
        return new Token(index, id, logProbability, finish, top);
    }
}
