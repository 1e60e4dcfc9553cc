/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.util.Utils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A library of the jar, as a file that the system can load.
 *
 * <p>It is extracted once, to DJL's cache directory, into a folder named by the hash of its bytes:
 * several versions do not disturb each other. A file that is there already is used only if it has
 * the same bytes and nobody else can write to it. Where the cache directory is not writable, the
 * file is extracted to a new temporary folder each time.
 */
final class LibraryFile {

    private LibraryFile() {}

    /**
     * Extracts a library.
     *
     * @param name the name of the resource, relative to this class: folder and file
     * @return the path of the file
     * @throws IOException if the jar has no such library, or no folder is writable
     */
    static Path extract(String name) throws IOException {
        byte[] bytes;
        try (InputStream in = LibraryFile.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("this jar has no native kernels for " + name.split("/")[0]);
            }
            bytes = in.readAllBytes();
        }
        String file = name.substring(name.indexOf('/') + 1);
        Path cached = Utils.getEngineCacheDir("mistral").resolve(hash(bytes)).resolve(file);
        if (isOurs(cached, bytes)) {
            return cached;
        }
        try {
            Files.createDirectories(cached.getParent());
            Path part = Files.createTempFile(cached.getParent(), file, ".part");
            Files.write(part, bytes);
            Files.move(part, cached, StandardCopyOption.ATOMIC_MOVE);
            if (isOurs(cached, bytes)) {
                return cached;
            }
        } catch (IOException e) {
            // read-only, full, or in use by another process
        }
        Path temporary = Files.createTempDirectory("djl-mistral").resolve(file);
        Files.write(temporary, bytes);
        temporary.getParent().toFile().deleteOnExit();
        temporary.toFile().deleteOnExit();
        return temporary;
    }

    private static boolean isOurs(Path file, byte[] bytes) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                || !Arrays.equals(Files.readAllBytes(file), bytes)) {
            return false;
        }
        for (Path path : new Path[] {file, file.getParent()}) {
            if (!path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                return true; // Windows: the home directory is the user's own
            }
            PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class);
            if (attributes.permissions().contains(PosixFilePermission.OTHERS_WRITE)
                    || attributes.permissions().contains(PosixFilePermission.GROUP_WRITE)) {
                return false;
            }
        }
        return true;
    }

    private static String hash(byte[] bytes) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has SHA-256
        }
    }
}
