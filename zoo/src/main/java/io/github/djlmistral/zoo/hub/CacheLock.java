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
 * Lock on a blob, between threads and between processes. The operating system releases it when the
 * process dies.
 *
 * <p>Python locks the same path, but with {@code flock} on Linux, which is independent of the POSIX
 * locks that Java takes. Both may therefore download a blob at once, which is harmless: they write
 * to different files and rename them when these are complete.
 */
final class CacheLock implements Closeable {

    private static final Logger LOGGER = LoggerFactory.getLogger(CacheLock.class);

    /** File locks are per process; these semaphores exclude the threads of this process. */
    private static final Map<Path, Semaphore> IN_PROCESS = new ConcurrentHashMap<>();

    private final Semaphore semaphore;
    private final FileChannel channel;

    private CacheLock(Semaphore semaphore, FileChannel channel) {
        this.semaphore = semaphore;
        this.channel = channel;
    }

    /**
     * Acquires a lock, waiting without a time limit.
     *
     * @param file the lock file, created if absent
     * @throws IOException if it cannot be created, or the thread is interrupted
     */
    static CacheLock acquire(Path file) throws IOException {
        Files.createDirectories(file.resolveSibling(""));
        Path key = file.toAbsolutePath().normalize();
        Semaphore semaphore = IN_PROCESS.computeIfAbsent(key, path -> new Semaphore(1));
        try {
            if (!semaphore.tryAcquire()) {
                LOGGER.info("Waiting for another thread to download {}", key.getFileName());
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
                LOGGER.info("Waiting for another process to download {}", key.getFileName());
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
