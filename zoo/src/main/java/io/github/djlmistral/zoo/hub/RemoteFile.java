/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

/**
 * A file in the Hub's list.
 *
 * @param path path in the repository, separated by slashes; untrusted, so that {@link SafePath}
 *     must validate it before it becomes a path on disk
 * @param size size in bytes
 * @param etag hash of the content, which is the name of the blob: SHA-256 (64 digits) for files in
 *     Git LFS, git's SHA-1 (40 digits) for others
 */
record RemoteFile(String path, long size, String etag) {

    /** Limit for a file, and for all files of a download together: 4 PiB. */
    static final long LARGEST = 1L << 52;

    /** Returns whether size and hash are valid; the hash becomes a file name. */
    boolean isValid() {
        return size >= 0 && size <= LARGEST && etag.matches("[0-9a-f]{40}|[0-9a-f]{64}");
    }
}
