/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How training ended.
 *
 * @param steps the number of steps, with those before it was resumed
 * @param trainLoss the mean of the losses of the steps of this call; NaN if it made none
 * @param end why it ended
 * @param checkpoint the last checkpoint; null if none was written
 * @param best the checkpoint with the lowest loss on held-out examples; null if there is none
 */
public record TrainerResult(
        int steps, double trainLoss, End end, @Nullable Path checkpoint, @Nullable Path best) {

    /** Why training ended. */
    public enum End {
        /** All steps are done. */
        COMPLETE,

        /** The loss on held-out examples did not become lower any more. */
        EARLY_STOPPED,

        /** The thread was interrupted; a checkpoint was written. */
        INTERRUPTED
    }
}
