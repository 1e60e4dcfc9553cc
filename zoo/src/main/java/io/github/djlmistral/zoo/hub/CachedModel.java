/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * A repository in the cache.
 *
 * @param repository {@code owner/name}
 * @param directory its directory, {@code models--owner--name}
 * @param snapshots one for each cached commit, the most recent first
 * @param bytes size on disk; files shared by several snapshots count once
 * @param unfinishedBytes size of the partially downloaded files, included in {@code bytes}
 * @param lastModified time at which a file was last added
 */
public record CachedModel(
        String repository,
        Path directory,
        List<Snapshot> snapshots,
        long bytes,
        long unfinishedBytes,
        Instant lastModified) {

    /** Copies the list. */
    public CachedModel {
        snapshots = List.copyOf(snapshots);
    }

    /**
     * The downloaded files of a commit.
     *
     * @param commit commit id, 40 hexadecimal digits
     * @param revisions branches and tags that pointed to the commit when it was downloaded; empty
     *     if it was requested by its id, or the branches have moved on
     * @param directory directory with the files, usually links to blobs
     * @param files paths of the downloaded files in the repository, sorted
     * @param bytes total size of the files
     */
    public record Snapshot(
            String commit, List<String> revisions, Path directory, List<String> files, long bytes) {

        /** Copies the lists. */
        public Snapshot {
            revisions = List.copyOf(revisions);
            files = List.copyOf(files);
        }
    }
}
