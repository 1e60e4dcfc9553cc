/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lock on a blob between the threads of this process and other processes; the operating system
 * releases it when a process dies. Python's files are locked at the same path, but on Linux by
 * {@code flock}, which knows nothing of the locks that Java takes. No harm comes of that: the two
 * write to files of different names, and rename them when they are complete.
 */
final class CacheLock implements Closeable {

    private static final Logger LOGGER = LoggerFactory.getLogger(CacheLock.class);

    /** A process has a lock or it has not, whichever thread asks. */
    private static final Map<Path, Semaphore> IN_PROCESS = new ConcurrentHashMap<>();

    private final Semaphore semaphore;
    private final FileChannel channel;

    private CacheLock(Semaphore semaphore, FileChannel channel) {
        this.semaphore = semaphore;
        this.channel = channel;
    }

    /**
     * Waits for a lock, however long it takes.
     *
     * @param file the file to lock, which need not exist
     * @throws IOException if it cannot be made, or the thread is interrupted
     */
    static CacheLock acquire(Path file) throws IOException {
        Files.createDirectories(file.resolveSibling(""));
        Path key = file.toAbsolutePath().normalize();
        Semaphore semaphore = IN_PROCESS.computeIfAbsent(key, path -> new Semaphore(1));
        try {
            if (!semaphore.tryAcquire()) {
                LOGGER.info("Waiting for another thread that downloads {}", key.getFileName());
                semaphore.acquire();
            }
        } catch (InterruptedException e) {
            throw HubHttp.interrupted();
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                LOGGER.info("Waiting for another process that downloads {}", key.getFileName());
                channel.lock();
            }
            return new CacheLock(semaphore, channel);
        } catch (IOException | RuntimeException e) {
            semaphore.release();
            if (channel != null) {
                channel.close();
            }
            if (Thread.currentThread().isInterrupted()) {
                throw HubHttp.interrupted();
            }
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            semaphore.release();
        }
    }
}
