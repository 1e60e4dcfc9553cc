/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.Chunk;
import java.util.List;

/**
 * A request under way: decides which tokens are computed next, and what follows from their logits.
 * Greedy decoding, sampling, beam search and speculative decoding are implementations. Whoever
 * drives it runs the forward pass between {@link #next} and {@link #accept}, alone or together with
 * the chunks of other requests. Not thread-safe.
 */
interface Decoding extends AutoCloseable {

    /**
     * Returns the chunks of the next pass. If the pass fails, the next call returns them again.
     *
     * @param budget the maximum number of prompt tokens in the pass, at least 1; single tokens of
     *     sequences that decode do not count
     * @return chunks of different caches; empty once all sequences are finished
     */
    List<Chunk> next(int budget);

    /**
     * Takes the logits of the chunks that {@link #next} returned, and selects tokens. After an
     * exception nothing is changed, and the call can be repeated.
     *
     * @param logits the requested rows of V logits, in the order of the chunks
     * @return the tokens that are final, in order; empty while the prompt is computed, and in beam
     *     search until the end
     */
    List<Token> accept(float[][] logits);

    /** Returns the sequences so far; unfinished ones have no finish reason. */
    List<Sequence> sequences();

    /** Returns what was drafted and accepted so far. */
    default SpeculationMetrics speculation() {
        return SpeculationMetrics.NONE;
    }

    /**
     * Finishes all sequences that are not finished. A logits processor may call this during {@link
     * #accept}, which then gives no tokens.
     *
     * @param reason their finish reason
     */
    void finish(FinishReason reason);

    /** Closes the caches. */
    @Override
    void close();
}
