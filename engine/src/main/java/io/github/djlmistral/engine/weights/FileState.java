/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Identity, size and modification time of a file when tensors were mapped from it. Writing to the
 * file changes the tensors, and reading past the end of a truncated file kills the process
 * (SIGBUS). So the state is compared before the tensors are used, which takes microseconds.
 *
 * @param file where it was
 * @param key what the system knows it by, whatever its name; null on Windows, which does not let
 *     anybody change a file that is mapped
 * @param size its bytes
 * @param modified when it was last written to
 */
public record FileState(Path file, @Nullable Object key, long size, FileTime modified) {

    /** Looks at a file. */
    static FileState of(Path file) throws IOException {
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileState(file, now.fileKey(), now.size(), now.lastModifiedTime());
    }

    /**
     * Collects the files that tensors are mapped from.
     *
     * @param tensors any tensors
     * @return each file once; none for tensors in memory of their own
     */
    public static List<FileState> of(Stream<Tensor> tensors) {
        return tensors.map(Tensor::file).filter(Objects::nonNull).distinct().toList();
    }

    /** Checks the files of tensors, see {@link #check}. */
    public static void check(Stream<Tensor> tensors) {
        of(tensors).forEach(FileState::check);
    }

    /**
     * Checks that the file is as it was. One that was deleted, or replaced by another that was
     * renamed to its name, is: the system keeps it for as long as it is mapped.
     *
     * @throws UncheckedIOException if the file was changed; the cause is a {@link
     *     CheckpointException} that tells how
     */
    public void check() {
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
                                        "the file had %d bytes when it was mapped, and has %d now",
                                        size, now.size)
                                : String.format(
                                        "the file was of %s when it was mapped, and was changed at"
                                                + " %s",
                                        modified, now.modified),
                        "Load the model again. To replace a file while its model is in use, write"
                                + " the new one under another name and rename it");
        throw new UncheckedIOException(changed.getMessage(), changed);
    }
}
