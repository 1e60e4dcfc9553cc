/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The files that tensors are memory-mapped from, as they were when they were mapped.
 *
 * <p>Writing to a mapped file changes its tensors, and reading past the end of a truncated file
 * kills the process (SIGBUS). So {@link #check} is called before tensors are used, which takes
 * microseconds. Immutable and thread-safe.
 */
public final class SourceFiles {

    /** No files. */
    public static final SourceFiles NONE = new SourceFiles(List.of());

    private final List<FileState> states;

    private SourceFiles(List<FileState> states) {
        this.states = states;
    }

    /**
     * Collects the files of tensors.
     *
     * @param tensors any tensors; those that are not mapped from a file are ignored
     * @return the files
     */
    public static SourceFiles of(Stream<Tensor> tensors) {
        return new SourceFiles(
                tensors.map(Tensor::file).filter(Objects::nonNull).distinct().toList());
    }

    /**
     * Checks that no file was written to or truncated since it was mapped. A file may be deleted,
     * or replaced by renaming another one to its name: the mapping keeps the original.
     *
     * @throws UncheckedIOException if a file was changed; the cause is a {@link
     *     CheckpointException} that says how
     */
    public void check() {
        states.forEach(FileState::check);
    }
}
