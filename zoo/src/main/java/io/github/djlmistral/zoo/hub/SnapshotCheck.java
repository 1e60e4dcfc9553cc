/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.nio.file.Path;

/** Decides from a checkpoint's small files whether its weights are worth the download. */
@FunctionalInterface
public interface SnapshotCheck {

    /**
     * Checks a snapshot that has all files of the model but the weights.
     *
     * @param directory the snapshot
     * @throws IOException if the model cannot be used; the weights are then not requested
     */
    void check(Path directory) throws IOException;
}
