/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Writes a response body, a byte range of a blob, to its place in a {@link PartFile}. */
final class ByteRangeSubscriber implements BodySubscriber<byte[]> {

    private final CompletableFuture<byte[]> result = new CompletableFuture<>();
    private final PartFile part;
    private final long to;
    private final LongConsumer added;
    private long at;
    private volatile long received;
    private boolean isOver;
    private Flow.@Nullable Subscription subscription;

    /**
     * Creates a subscriber.
     *
     * @param part the file to write to
     * @param from the position of the first byte
     * @param to the end (exclusive); further bytes are not read
     * @param added called with the number of bytes that were not present before
     */
    ByteRangeSubscriber(PartFile part, long from, long to, LongConsumer added) {
        this.part = part;
        this.to = to;
        this.added = added;
        at = from;
    }

    /** Returns the number of bytes received. */
    long received() {
        return received;
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return result;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        given.request(Long.MAX_VALUE);
    }

    @Override
    public synchronized void onNext(List<ByteBuffer> buffers) {
        for (ByteBuffer buffer : buffers) {
            if (isOver) {
                cancel();
                return;
            }
            int count = (int) Math.min(buffer.remaining(), to - at);
            try {
                added.accept(part.write(at, buffer.slice(buffer.position(), count)));
            } catch (IOException e) {
                end();
                result.completeExceptionally(
                        new HubException(
                                "the cache",
                                "a downloaded byte range cannot be written ("
                                        + e.getMessage()
                                        + ")",
                                "Check that the disk is not full, or set HF_HOME to a directory on"
                                        + " another disk",
                                e));
                return;
            }
            at += count;
            received += count;
            if (count < buffer.remaining()) {
                cancel(); // the server sends more than was requested
            }
        }
        if (at == to) {
            onComplete();
        }
    }

    /** Stops writing: later bytes are discarded. */
    synchronized void end() {
        isOver = true;
        if (at < to) {
            cancel();
        }
    }

    private void cancel() {
        if (subscription != null) {
            subscription.cancel();
        }
    }

    @Override
    public void onError(Throwable cause) {
        result.completeExceptionally(cause);
    }

    @Override
    public void onComplete() {
        result.complete(new byte[0]);
    }
}
