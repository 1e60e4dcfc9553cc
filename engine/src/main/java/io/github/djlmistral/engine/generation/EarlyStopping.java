/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Locale;

/** When beam search ends; the values of {@code early_stopping} in the reference. */
public enum EarlyStopping {
    /** When an unfinished beam is unlikely to become better than the finished ones. */
    FALSE,
    /** As soon as there are {@code num_beams} finished sequences. */
    TRUE,
    /** When no unfinished beam can become better than the finished ones. */
    NEVER;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
