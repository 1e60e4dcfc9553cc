/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Locale;

/** Why a sequence is finished. */
public enum FinishReason {
    /** An end-of-sequence token, which is the last token of the sequence. */
    EOS,
    /** A stop string, which is at the end of the text. */
    STOP,
    /** {@code max_new_tokens}, {@code max_time} or {@code max_position_embeddings} reached. */
    LENGTH,
    /** Cancelled by the caller. */
    CANCELLED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
