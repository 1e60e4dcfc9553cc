/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * What the cache holds of one repository.
 *
 * @param repository {@code owner/name}
 * @param directory where: {@code models--owner--name}
 * @param snapshots its revisions, each commit once, the most recent first
 * @param bytes what it all takes on the disk, a file that several revisions share once
 * @param unfinishedBytes how much of that are parts of files whose download has not been finished
 * @param lastModified when a file was last added
 */
public record CachedModel(
        String repository,
        Path directory,
        List<Snapshot> snapshots,
        long bytes,
        long unfinishedBytes,
        Instant lastModified) {

    /** Keeps a copy of the list. */
    public CachedModel {
        snapshots = List.copyOf(snapshots);
    }

    /**
     * One commit of the repository.
     *
     * @param commit 40 hexadecimal digits
     * @param revisions the branches and tags that stood there when it was downloaded; none if it
     *     was asked for by its commit, or the branch has moved on
     * @param directory where its files are, as links
     * @param files their paths in the repository, sorted; not all of them, only what was downloaded
     * @param bytes the sizes of its files
     */
    public record Snapshot(
            String commit, List<String> revisions, Path directory, List<String> files, long bytes) {

        /** Keeps copies of the lists. */
        public Snapshot {
            revisions = List.copyOf(revisions);
            files = List.copyOf(files);
        }
    }
}
