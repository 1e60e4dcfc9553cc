/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;

/**
 * The native library as a file that the system can load.
 *
 * @param name the name of the file
 * @param bytes its content
 */
@SuppressWarnings("ArrayRecordComponent") // no two are compared
record LibraryFile(String name, byte[] bytes) {

    /**
     * Extracts the library to a folder named by the hash of its bytes, so that several versions do
     * not disturb each other.
     *
     * <p>A file that is there already is used if it has the same bytes, otherwise it is replaced.
     * Any number of threads and processes may do this at the same time: the file appears with all
     * of its bytes, and who has loaded the file that it replaces keeps that one.
     *
     * @param cache the folder for all versions; created if necessary
     * @return the path of the file, without links
     * @throws IOException if the folder is not writable, or other users can write to it
     */
    Path extract(Path cache) throws IOException {
        Path folder = folder(cache);
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || !isCurrent(file)) {
            Path part =
                    Files.createTempFile(folder, name, ".part", permissions(folder, "rw-r--r--"));
            try {
                Files.write(part, bytes);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        }
        WriteAccess.requireOwn(file);
        if (!isCurrent(file)) {
            throw new IOException("another program changes " + file);
        }
        return file.toRealPath();
    }

    /**
     * Extracts the library to a new folder in the cache, for a class loader beside another one that
     * has loaded the file of {@link #extract}: the JVM loads a file once only.
     *
     * @param cache the folder for all versions; created if necessary
     * @return the path of the file, without links
     * @throws IOException as for {@link #extract}
     */
    Path copy(Path cache) throws IOException {
        return write(Files.createTempDirectory(folder(cache), "copy"));
    }

    /**
     * Extracts the library to a new folder for temporary files, which is accessible to this user
     * only.
     *
     * @param directory the directory for temporary files
     * @return the path of the file, without links
     * @throws IOException if the directory is not writable
     */
    Path temporary(Path directory) throws IOException {
        return write(Files.createTempDirectory(directory, "djl-mistral"));
    }

    /**
     * Deletes what {@link #copy} and {@link #temporary} have made. A library can be deleted as soon
     * as it is loaded, except on Windows, where it is deleted at exit if possible.
     */
    static void delete(Path file) {
        Path folder = Objects.requireNonNull(file.getParent());
        try {
            Files.delete(file);
            Files.delete(folder);
        } catch (IOException e) {
            // in reverse order
            folder.toFile().deleteOnExit();
            file.toFile().deleteOnExit();
        }
    }

    private Path write(Path folder) throws IOException {
        Path file = folder.toRealPath().resolve(name);
        try {
            return Files.write(file, bytes);
        } catch (IOException e) {
            delete(file);
            throw e;
        }
    }

    private Path folder(Path cache) throws IOException {
        Path folder = cache.resolve(hash());
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder, permissions(folder, "rwxr-xr-x"));
        }
        WriteAccess.requireOwn(folder);
        return folder;
    }

    private boolean isCurrent(Path file) throws IOException {
        return Files.size(file) == bytes.length && Arrays.equals(Files.readAllBytes(file), bytes);
    }

    /** Limits the permissions that the umask of this process leaves. */
    private static FileAttribute<?>[] permissions(Path path, String permissions) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    private String hash() {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
            return HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has SHA-256
        }
    }
}
