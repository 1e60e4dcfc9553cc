/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.internal.generation.Deadline;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells when a sequence is finished; {@code StoppingCriteriaList} of the reference. */
final class StoppingCriteria {

    private final Set<Integer> eosTokenIds;
    private final @Nullable StopStringCriteria stopStrings;
    private final int maxNewTokens;
    private final int positions;
    private final int negativeLength;
    private final Deadline deadline;

    /**
     * Makes criteria.
     *
     * @param config end-of-sequence tokens, {@code max_new_tokens} and {@code max_time}, which
     *     begins now
     * @param stopStrings null for none
     * @param positions {@code max_position_embeddings} of the model
     */
    StoppingCriteria(
            GenerationConfig config, @Nullable StopStringCriteria stopStrings, int positions) {
        eosTokenIds = Set.copyOf(config.eosTokenIds());
        this.stopStrings = stopStrings;
        maxNewTokens = config.maxNewTokens();
        this.positions = positions;
        negativeLength =
                config.get(ConstraintOptions.GUIDANCE_SCALE) == 1
                        ? 0
                        : config.get(ConstraintOptions.NEGATIVE_PROMPT_IDS).size();
        deadline = new Deadline(config.get(StoppingOptions.MAX_TIME), System::nanoTime);
    }

    /** Returns whether a token ends its sequence. */
    boolean isEnd(long id) {
        return eosTokenIds.contains((int) id);
    }

    /** Returns the maximum number of tokens that can be generated after a prompt. */
    int limit(int promptLength) {
        return Math.min(maxNewTokens, positions - Math.max(promptLength, negativeLength));
    }

    /**
     * Returns why a sequence is finished, or null if it is not.
     *
     * @param sequence with its last token
     */
    @Nullable FinishReason check(Sequence sequence) {
        if (isEnd(sequence.id(sequence.length() - 1))) {
            return FinishReason.EOS;
        }
        if (stopStrings != null && stopStrings.isAtEnd(sequence)) {
            return FinishReason.STOP;
        }
        boolean full = sequence.generatedLength() >= limit(sequence.promptLength());
        return full || deadline.isOver() ? FinishReason.LENGTH : null;
    }

    /** Returns the end of {@code max_time}. */
    Deadline deadline() {
        return deadline;
    }
}
