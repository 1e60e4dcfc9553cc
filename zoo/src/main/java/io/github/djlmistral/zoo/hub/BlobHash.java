/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Incremental hash of a file that is still being downloaded, so that little is left to hash at the
 * end. The hash of a file in Git LFS is the SHA-256 of its content; that of other files is git's,
 * the SHA-1 of {@code "blob " + size + '\0'} followed by the content.
 */
final class BlobHash implements Closeable {

    private final byte[] buffer = new byte[1 << 20];
    private final MessageDigest digest;
    private final RemoteFile remote;
    // not a FileChannel: an interrupt would close it
    private final RandomAccessFile file;
    private long hashed;

    BlobHash(Path data, RemoteFile remote) throws IOException {
        this.remote = remote;
        try {
            digest = MessageDigest.getInstance(isGit() ? "SHA-1" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1 and SHA-256", e);
        }
        file = new RandomAccessFile(data.toFile(), "r");
    }

    private boolean isGit() {
        return remote.etag().length() == 40;
    }

    /** Hashes the bytes up to {@code end}, all of which must have been received. */
    void advance(long end) throws IOException {
        if (hashed == 0 && isGit()) {
            digest.reset();
            digest.update(("blob " + remote.size() + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        file.seek(hashed);
        while (hashed < end) {
            int count = file.read(buffer, 0, (int) Math.min(buffer.length, end - hashed));
            if (Thread.currentThread().isInterrupted()) {
                throw HubHttp.interrupted();
            }
            if (count < 0) {
                throw new IOException(
                        "the file was truncated by another program during the download");
            }
            digest.update(buffer, 0, count);
            hashed += count;
        }
    }

    /** Returns whether the hash of the bytes so far is the expected one, and resets it. */
    boolean matches() {
        hashed = 0;
        return HexFormat.of().formatHex(digest.digest()).equals(remote.etag());
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
