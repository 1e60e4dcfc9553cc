/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A directory that appears when it is complete. Its files are written to a hidden directory beside
 * it, {@code .NAME.UUID.tmp}, which {@link #finish} or {@link #replace} renames once they are on
 * the disk. Without that, {@link #close} deletes them, and an earlier directory of the same name is
 * as it was.
 */
public final class StagingDirectory implements Closeable {

    private final Path target;
    private final Path path;
    private @Nullable Thread onExit;

    private StagingDirectory(Path target, Path path) {
        this.target = target;
        this.path = path;
    }

    /**
     * Creates the hidden directory, and the parents of the target.
     *
     * @param target the directory that is to appear, or to be replaced
     * @return the open directory
     * @throws IOException if it cannot be created
     */
    public static StagingDirectory of(Path target) throws IOException {
        Path absolute = target.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw new IOException(target + " is the root: give a directory within it");
        }
        Files.createDirectories(parent);
        return new StagingDirectory(absolute, Files.createDirectory(hidden(absolute)));
    }

    private static Path hidden(Path target) {
        return target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    }

    /**
     * Deletes the files if the JVM exits before {@link #close}. Not for a caller that completes its
     * work when that happens.
     *
     * @return this
     */
    public StagingDirectory deleteOnExit() {
        onExit = new Thread(this::deleteWhileWritten);
        Runtime.getRuntime().addShutdownHook(onExit);
        return this;
    }

    /** The writing thread goes on during the exit: a file may appear meanwhile, or get its name. */
    private void deleteWhileWritten() {
        for (int i = 0; i < 10; ++i) {
            try {
                delete(path);
                return;
            } catch (IOException | UncheckedIOException e) {
                // once more; there is nobody to tell
            }
        }
    }

    /** Returns the hidden directory, to write files to. */
    public Path path() {
        return path;
    }

    /**
     * Gives the directory its name, once all is on the disk.
     *
     * @throws IOException if that fails, or there is a directory of this name with files by now,
     *     which is as it was
     */
    public void finish() throws IOException {
        syncFiles();
        Files.deleteIfExists(target);
        rename();
    }

    /**
     * Gives the directory its name, once all is on the disk. A directory of this name is replaced.
     *
     * @throws IOException if that fails; a directory of this name is as it was
     */
    public void replace() throws IOException {
        syncFiles();
        if (Files.exists(target)) {
            Path old = hidden(target);
            Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
            try {
                rename();
            } catch (IOException e) {
                Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
                throw e;
            }
            delete(old);
        } else {
            rename();
        }
    }

    private void syncFiles() throws IOException {
        try (Stream<Path> entries = Files.walk(path)) {
            for (Path entry : entries.toList()) {
                sync(entry);
            }
        }
    }

    private void rename() throws IOException {
        Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
        sync(target.resolveSibling("."));
    }

    /** Without this, a rename may be lost in a power failure. Windows cannot open directories. */
    private static void sync(Path entry) throws IOException {
        boolean directory = Files.isDirectory(entry);
        OpenOption option = directory ? StandardOpenOption.READ : StandardOpenOption.WRITE;
        FileChannel channel;
        try {
            channel = FileChannel.open(entry, option);
        } catch (FileSystemException e) {
            if (directory) {
                return;
            }
            throw e;
        }
        try (channel) {
            channel.force(true);
        }
    }

    /**
     * Deletes the hidden directory, unless it was renamed.
     *
     * @throws IOException if it cannot be deleted
     */
    @Override
    public void close() throws IOException {
        if (onExit != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(onExit);
            } catch (IllegalStateException e) {
                return; // the JVM exits: the hook deletes it
            }
        }
        delete(path);
    }

    /**
     * Deletes a directory with all that it contains.
     *
     * @param directory the directory; may be missing
     * @throws IOException if it cannot be deleted
     */
    public static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        List<Path> entries;
        try (Stream<Path> walk = Files.walk(directory)) {
            entries = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path entry : entries) {
            Files.deleteIfExists(entry);
        }
    }
}
