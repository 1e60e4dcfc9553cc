/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Download of one file in byte ranges by several threads. The thread that completes the last range
 * verifies the hash and publishes the blob.
 */
final class BlobDownload implements Closeable {

    /**
     * Bytes per request: a few seconds of a fast connection, so that a file ends without a long
     * tail.
     */
    static final long RANGE = 16 << 20;

    private static final Logger LOGGER = LoggerFactory.getLogger(BlobDownload.class);

    private final HubHttp http;
    private final HubModel model;
    private final RemoteFile file;
    private final URI address;
    private final Path blob;
    private final ByteProgress progress;
    private final PartFile part;
    private final BlobHash hash;
    private final ReentrantLock hashing = new ReentrantLock();
    private final AtomicInteger open = new AtomicInteger();

    /** Redirect target, valid for about an hour: reused, so that not every range asks the Hub. */
    private final AtomicReference<@Nullable URI> location = new AtomicReference<>();

    /** Held by the only response of a server that does not support range requests. */
    private final Semaphore stream = new Semaphore(1);

    private volatile boolean isStreamed;

    BlobDownload(
            HubHttp http,
            HubModel model,
            RemoteFile file,
            URI address,
            Path blob,
            ByteProgress progress)
            throws IOException {
        this.http = http;
        this.model = model;
        this.file = file;
        this.address = address;
        this.blob = blob;
        this.progress = progress;
        part = PartFile.open(blob, file.size());
        try {
            hash = new BlobHash(PartFile.data(blob), file);
        } catch (IOException e) {
            part.close();
            throw e;
        }
    }

    RemoteFile file() {
        return file;
    }

    long received() {
        return part.received();
    }

    /** Returns the remaining work, to be run in any order and in parallel. */
    List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        for (long[] range : part.missingRanges(RANGE)) {
            tasks.add(new Task(this, range[0], range[1]));
        }
        if (tasks.isEmpty()) {
            tasks.add(new Task(this, 0, 0)); // verifies the hash only
        }
        open.set(tasks.size());
        return tasks;
    }

    /** A byte range [from, to) to download. */
    record Task(BlobDownload blob, long from, long to) {

        void run() throws IOException {
            blob.fetch(from, to);
            if (blob.open.decrementAndGet() == 0) {
                blob.finish();
            } else {
                blob.hashOn();
            }
        }
    }

    private void fetch(long from, long to) throws IOException {
        RetryPolicy retries = new RetryPolicy(http.settings().backOff(), RetryPolicy.TRIES);
        for (long at = part.firstMissing(from); at < to; at = part.firstMissing(from)) {
            RequestFailure failure;
            URI start = location.get();
            try {
                failure = request(start == null ? address : start, at, to);
            } catch (ConnectionException e) {
                failure = RequestFailure.ofConnection(name(), e);
            }
            if (failure != null) {
                location.compareAndSet(start, null);
                if (part.firstMissing(at) > at) {
                    retries.reset();
                }
                retries.waitAfter(failure);
            }
        }
    }

    /**
     * Requests a byte range. Returns null on success, or if it is to be requested again at once.
     */
    private @Nullable RequestFailure request(URI start, long at, long to) throws IOException {
        boolean isWhole = at == 0 && to == file.size();
        boolean takeStream = isStreamed && !isWhole;
        try {
            if (takeStream) {
                stream.acquire();
                if (part.firstMissing(at) >= to) {
                    stream.release();
                    return null; // received while we waited
                }
            }
        } catch (InterruptedException e) {
            throw HubHttp.interrupted();
        }
        Response answer = new Response(at, to, isWhole || takeStream, takeStream);
        try {
            HttpResponse<byte[]> response =
                    http.get(start, answer.range(), answer, answer::received);
            if (answer.isRefused) {
                return null;
            }
            return judged(response, answer, at, to);
        } finally {
            answer.end();
        }
    }

    private @Nullable RequestFailure judged(
            HttpResponse<byte[]> response, Response answer, long at, long to) {
        if (answer.body == null) {
            return http.isEndpoint(response.uri())
                    ? RequestFailure.ofStatus(name(), model, http.settings(), response)
                    : RequestFailure.ofStorage(name(), response);
        }
        if (part.firstMissing(at) < to) {
            return RequestFailure.ofConnection(
                    name(),
                    new ConnectionException(
                            response.uri().getHost(),
                            new IOException("the response ended too early")));
        }
        if (!http.isEndpoint(response.uri())) {
            location.set(response.uri());
        }
        return null;
    }

    /** Decides from the headers of a response what becomes of its body. */
    private final class Response implements BodyHandler<byte[]> {

        private final long at;
        private final long to;
        private final boolean isWhole;
        private boolean hasStream;
        private volatile boolean isRefused;
        private volatile @Nullable ByteRangeSubscriber body;

        Response(long at, long to, boolean isWhole, boolean hasStream) {
            this.at = at;
            this.to = to;
            this.isWhole = isWhole;
            this.hasStream = hasStream;
        }

        @Nullable String range() {
            return isWhole ? null : "bytes=" + at + "-" + (to - 1);
        }

        long received() {
            ByteRangeSubscriber now = body;
            return now == null ? 0 : now.received();
        }

        @Override
        public synchronized BodySubscriber<byte[]> apply(HttpResponse.ResponseInfo head) {
            long from;
            long end;
            if (head.statusCode() == 200) {
                if (!isWhole) {
                    isStreamed = true;
                    hasStream = stream.tryAcquire();
                    isRefused = !hasStream;
                }
                from = 0;
                end = file.size();
            } else if (head.statusCode() == 206
                    && head.headers()
                            .firstValue("Content-Range")
                            .orElse("")
                            .equals("bytes " + at + "-" + (to - 1) + "/" + file.size())) {
                from = at;
                end = to;
            } else {
                return new BoundedBodySubscriber(BoundedBodySubscriber.ERROR);
            }
            if (isRefused) {
                return new BoundedBodySubscriber(0);
            }
            ByteRangeSubscriber made = new ByteRangeSubscriber(part, from, end, this::report);
            body = made;
            return made;
        }

        private void report(long bytes) {
            if (bytes > 0) {
                progress.add(bytes, file.path());
            }
        }

        synchronized void end() {
            ByteRangeSubscriber now = body;
            if (now != null) {
                now.end();
            }
            if (hasStream) {
                hasStream = false;
                stream.release();
            }
        }
    }

    /** Hashes the contiguous bytes received so far, unless another thread is doing so. */
    private void hashOn() throws IOException {
        if (hashing.tryLock()) {
            try {
                hash.advance(part.firstMissing(0));
            } finally {
                hashing.unlock();
            }
        }
    }

    private void finish() throws IOException {
        hashing.lock();
        try {
            if (!isRight()) {
                boolean wasResumed = part.isResumed();
                part.restart();
                progress.add(-file.size(), file.path());
                if (!wasResumed) {
                    close();
                    PartFile.delete(blob);
                    throw wrongBytes();
                }
                LOGGER.warn("{}: the resumed download is corrupt, downloading again", name());
                fetch(0, file.size());
                if (!isRight()) {
                    close();
                    PartFile.delete(blob);
                    throw wrongBytes();
                }
            }
            close();
            part.moveTo(blob);
        } finally {
            hashing.unlock();
        }
    }

    private boolean isRight() throws IOException {
        hash.advance(file.size());
        return hash.matches();
    }

    private HubException wrongBytes() {
        return new HubException(
                name(),
                "the downloaded file is corrupt and was deleted: its "
                        + (file.etag().length() == 64 ? "SHA-256" : "SHA-1")
                        + " is not "
                        + file.etag(),
                "Try again; if it happens again, a proxy or the server at HF_ENDPOINT modifies files");
    }

    private String name() {
        return model.repository() + "/" + file.path();
    }

    /** Keeps the received bytes, so that the download can be resumed. */
    @Override
    public void close() throws IOException {
        try (part;
                hash) {
            LOGGER.trace("{} closed", blob);
        }
    }
}
