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

/** A body that is a stretch of a blob, written to its place as it comes. */
final class BlobBody implements BodySubscriber<byte[]> {

    private final CompletableFuture<byte[]> result = new CompletableFuture<>();
    private final PartFile part;
    private final long to;
    private final LongConsumer fresh;
    private long at;
    private volatile long received;
    private boolean isOver;
    private Flow.@Nullable Subscription subscription;

    /**
     * Begins.
     *
     * @param part where it is written
     * @param from the first byte's position
     * @param to the position behind the last; more than that is not read
     * @param fresh told how many bytes have come that were not there before
     */
    BlobBody(PartFile part, long from, long to, LongConsumer fresh) {
        this.part = part;
        this.to = to;
        this.fresh = fresh;
        at = from;
    }

    /** How many bytes have come. */
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
                fresh.accept(part.write(at, buffer.slice(buffer.position(), count)));
            } catch (IOException e) {
                end();
                result.completeExceptionally(
                        new HubException(
                                "the cache",
                                "a part of a file cannot be written (" + e.getMessage() + ")",
                                "See whether the disk is full; or set HF_HOME to a directory on"
                                        + " another one",
                                e));
                return;
            }
            at += count;
            received += count;
            if (count < buffer.remaining()) {
                cancel(); // there is more than there should be
            }
        }
        if (at == to) {
            onComplete();
        }
    }

    /** Nothing is written after this, whatever still comes. */
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
