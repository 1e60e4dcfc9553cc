/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Progress;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Downloads files of one commit into the cache. The byte ranges of all missing blobs form a queue,
 * from which one thread per connection takes its work. Complete blobs are linked into the snapshot.
 */
final class Transfer {

    private static final Logger LOGGER = LoggerFactory.getLogger(Transfer.class);

    private final HubHttp http;
    private final HubApi api;
    private final HubModel model;
    private final String commit;
    private final CachedRepository repository;

    Transfer(HubHttp http, HubApi api, HubModel model, String commit, CachedRepository repository) {
        this.http = http;
        this.api = api;
        this.model = model;
        this.commit = commit;
        this.repository = repository;
    }

    /**
     * Downloads files and links them into the snapshot: first the small ones, and, if these pass
     * the check, the weights. A reader who sees the weights thus sees the other files too.
     *
     * @param files the files that the snapshot lacks, the weights last
     * @param check see {@link Hub#download(HubModel, Progress, SnapshotCheck)}
     * @param listener notified of the bytes, or null
     */
    void run(List<RemoteFile> files, SnapshotCheck check, @Nullable Progress listener)
            throws IOException {
        // sorted, so that two downloads never wait for each other's locks
        TreeMap<String, RemoteFile> blobs = new TreeMap<>();
        for (RemoteFile file : files) {
            if (!repository.hasBlob(file)) {
                blobs.putIfAbsent(file.etag(), file);
            }
        }
        Path folder = repository.blob("");
        Files.createDirectories(folder);
        Deque<Closeable> held = new ArrayDeque<>();
        try {
            for (String etag : blobs.keySet()) {
                held.push(CacheLock.acquire(repository.lock(etag)));
            }
            ByteProgress progress = new ByteProgress(listener);
            List<BlobDownload> downloads = new ArrayList<>();
            for (RemoteFile file : files) {
                Path blob = repository.blob(file.etag());
                if (!blobs.containsKey(file.etag())) {
                    continue;
                }
                if (repository.hasBlob(file) || repository.has(commit, file)) {
                    // downloaded by another process meanwhile, or left by one that was killed
                    PartFile.delete(blob);
                    blobs.remove(file.etag());
                } else if (file.equals(blobs.get(file.etag()))) {
                    BlobDownload download =
                            new BlobDownload(
                                    http,
                                    model,
                                    file,
                                    api.file(model, commit, file.path()),
                                    blob,
                                    progress);
                    held.push(download);
                    downloads.add(download);
                }
            }
            long total = downloads.stream().mapToLong(one -> one.file().size()).sum();
            long there = downloads.stream().mapToLong(BlobDownload::received).sum();
            if (!downloads.isEmpty()) {
                checkSpace(folder, total - there);
                progress.start("Downloading " + model.repository(), there, total);
            }
            int small =
                    (int) files.stream().filter(file -> !ModelFiles.isWeights(file.path())).count();
            fetch(downloads.stream().filter(one -> !ModelFiles.isWeights(one.file().path())));
            place(files, 0, small, blobs.keySet());
            boolean hasOthers = files.stream().noneMatch(file -> file.path().endsWith(".gguf"));
            if (small < files.size() && hasOthers) {
                check.check(repository.snapshot(commit));
            }
            fetch(downloads.stream().filter(one -> ModelFiles.isWeights(one.file().path())));
            if (!downloads.isEmpty()) {
                progress.end();
            }
            place(files, small, files.size(), blobs.keySet());
        } finally {
            close(held);
        }
    }

    private void fetch(Stream<BlobDownload> downloads) throws IOException {
        Queue<BlobDownload.Task> tasks = new ConcurrentLinkedQueue<>();
        downloads.forEach(download -> tasks.addAll(download.tasks()));
        if (!tasks.isEmpty()) {
            work(tasks);
        }
    }

    /**
     * Links the files from {@code begin} to {@code end} into the snapshot. On a file system without
     * links, a blob that this download fetched is moved to the last place that needs it.
     */
    private void place(List<RemoteFile> files, int begin, int end, Set<String> ours)
            throws IOException {
        for (int i = begin; i < end; i++) {
            RemoteFile file = files.get(i);
            if (!repository.has(commit, file)) {
                boolean isNeeded =
                        files.subList(i + 1, files.size()).stream()
                                .anyMatch(other -> other.etag().equals(file.etag()));
                repository.place(
                        commit,
                        file,
                        http.settings().links(),
                        ours.contains(file.etag()) && !isNeeded);
            }
        }
    }

    private void checkSpace(Path folder, long needed) throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        if (needed > free) {
            throw new HubException(
                    model.toString(),
                    "the download needs "
                            + gigabytes(needed)
                            + ", but only "
                            + gigabytes(free)
                            + " are free on the disk of "
                            + repository.directory(),
                    "Free disk space, or set HF_HOME to a directory on another disk");
        }
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }

    /** Runs the tasks in parallel. The first failure stops all; received bytes are kept. */
    private void work(Queue<BlobDownload.Task> tasks) throws IOException {
        int threads = Math.min(http.settings().connections(), tasks.size());
        AtomicInteger number = new AtomicInteger();
        ExecutorService pool =
                Executors.newFixedThreadPool(
                        Math.max(1, threads),
                        task -> {
                            Thread thread = new Thread(task, "hub-" + number.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        });
        CompletionService<Void> workers = new ExecutorCompletionService<>(pool);
        try {
            for (int i = 0; i < threads; i++) {
                workers.submit(
                        () -> {
                            for (BlobDownload.Task task = tasks.poll();
                                    task != null;
                                    task = tasks.poll()) {
                                task.run();
                            }
                            return null;
                        });
            }
            for (int i = 0; i < threads; i++) {
                workers.take().get();
            }
        } catch (InterruptedException e) {
            throw HubHttp.interrupted();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            pool.shutdownNow();
            awaitEnd(pool);
        }
    }

    /** Waits for all threads, despite interrupts: their files are closed next. */
    private static void awaitEnd(ExecutorService pool) {
        boolean wasInterrupted = false;
        while (true) {
            try {
                if (pool.awaitTermination(1, TimeUnit.MINUTES)) {
                    break;
                }
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Closes files and locks. If a journal cannot be written, its last bytes are lost. */
    private static void close(Deque<Closeable> held) {
        for (Closeable one : held) {
            try {
                one.close();
            } catch (IOException e) {
                LOGGER.warn("The last bytes may have to be downloaded again: {}", e.toString());
            }
        }
    }
}
