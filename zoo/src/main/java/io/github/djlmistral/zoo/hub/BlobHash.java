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
 * end. SHA-256 of the content for large files; for the others git's: SHA-1 of {@code "blob " + size
 * + '\0'} and the content.
 */
final class BlobHash implements Closeable {

    private final byte[] buffer = new byte[1 << 20];
    private final MessageDigest digest;
    private final RemoteFile remote;
    // not a channel, which an interrupted thread would close
    private final RandomAccessFile file;
    private long hashed;

    BlobHash(Path data, RemoteFile remote) throws IOException {
        this.remote = remote;
        try {
            digest = MessageDigest.getInstance(isGit() ? "SHA-1" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has this", e);
        }
        file = new RandomAccessFile(data.toFile(), "r");
    }

    private boolean isGit() {
        return remote.etag().length() == 40;
    }

    /** Goes on up to where the file is there without a hole. */
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
                throw new IOException("a file became shorter while it was downloaded");
            }
            digest.update(buffer, 0, count);
            hashed += count;
        }
    }

    /** Whether what was read is what the name promises; afterwards it begins anew. */
    boolean matches() {
        hashed = 0;
        return HexFormat.of().formatHex(digest.digest()).equals(remote.etag());
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
