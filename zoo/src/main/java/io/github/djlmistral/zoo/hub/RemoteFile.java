/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

/**
 * A file as the Hub lists it.
 *
 * @param path in the repository, its parts divided by slashes; as the server gave it, so not to be
 *     made a path of the disk without {@link SafePath}
 * @param size in bytes
 * @param etag the hash of its content, which names the blob: SHA-256 (64 digits) of large files,
 *     which lie in Git LFS, or git's own SHA-1 (40 digits) of the others
 */
record RemoteFile(String path, long size, String etag) {

    /** Limit for a file, and for all files of a download together: 4 PiB. */
    static final long LARGEST = 1L << 52;

    /** Returns whether size and hash are valid; the hash becomes a file name. */
    boolean isValid() {
        return size >= 0 && size <= LARGEST && etag.matches("[0-9a-f]{40}|[0-9a-f]{64}");
    }
}
