/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Identity, size and modification time of a file when tensors were mapped from it.
 *
 * @param file the path
 * @param key {@link BasicFileAttributes#fileKey}, which a renamed file keeps; null on Windows,
 *     where a mapped file cannot be changed
 * @param size the size in bytes
 * @param modified the modification time
 */
record FileState(Path file, @Nullable Object key, long size, FileTime modified) {

    /** Looks at a file. */
    static FileState of(Path file) throws IOException {
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileState(file, now.fileKey(), now.size(), now.lastModifiedTime());
    }

    /** See {@link SourceFiles#check}. */
    void check() {
        FileState now;
        try {
            now = of(file);
        } catch (IOException e) {
            return; // deleted, or moved with its directory
        }
        if (equals(now) || !Objects.equals(key, now.key)) {
            return;
        }
        CheckpointException changed =
                new CheckpointException(
                        file,
                        size != now.size
                                ? String.format(
                                        Locale.ROOT,
                                        "the file had %d bytes when it was mapped, and has %d now",
                                        size,
                                        now.size)
                                : String.format(
                                        "the file was of %s when it was mapped, and was changed at"
                                                + " %s",
                                        modified, now.modified),
                        "Load the model again. To replace a file while its model is in use, write"
                                + " the new one under another name and rename it");
        throw new UncheckedIOException(changed.getMessage(), changed);
    }
}
