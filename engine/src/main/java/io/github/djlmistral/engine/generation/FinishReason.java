/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Locale;

/** Why a row has ended. */
public enum FinishReason {
    /** An end token came; it is the row's last token. */
    EOS,
    /** A stop string came; it is the end of the row's text. */
    STOP,
    /** The row has {@code max_new_tokens}, or as many as the model has positions for. */
    LENGTH,
    /** The caller wanted no more. */
    CANCELLED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
