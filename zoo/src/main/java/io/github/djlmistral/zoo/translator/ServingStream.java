/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** DJL Serving's two ways to read a stream: pulled piece by piece, or pushed. */
final class ServingStream extends StreamOutput<Output> implements AutoCloseable {

    private final Pieces pieces;
    private final String contentType;

    /** The pieces of a text. */
    interface Pieces extends Iterator<String>, AutoCloseable {
        @Override
        void close();
    }

    ServingStream(Pieces pieces, String contentType) {
        this.pieces = pieces;
        this.contentType = contentType;
    }

    private Output output(BytesSupplier content) {
        Output output = new Output(200, "OK");
        output.addProperty("Content-Type", contentType);
        output.add(content);
        return output;
    }

    @Override
    public Output getIterativeOutputInternal() {
        Iterator<BytesSupplier> sources =
                new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return pieces.hasNext();
                    }

                    @Override
                    public BytesSupplier next() {
                        return BytesSupplier.wrap(pieces.next());
                    }
                };
        return output(new IteratorBytesSupplier(sources));
    }

    /** Returns an output whose content {@link #computeAsyncOutputInternal} publishes. */
    @Override
    protected Output buildAsyncOutput() {
        return output(new Publisher());
    }

    @Override
    protected void computeAsyncOutputInternal(Output output) {
        Publisher publisher = (Publisher) output.getData();
        try (pieces) {
            while (pieces.hasNext()) {
                byte[] bytes = pieces.next().getBytes(StandardCharsets.UTF_8);
                publisher.appendContent(bytes, false);
            }
            publisher.appendContent(new byte[0], true);
        } catch (RuntimeException | Error e) {
            publisher.fail(e);
            throw e;
        }
    }

    @Override
    public void close() {
        pieces.close();
    }

    /** A publisher that can fail; after a failure DJL's own never completes. */
    private static final class Publisher extends PublisherBytesSupplier {

        private final CompletableFuture<Void> end = new CompletableFuture<>();
        private boolean subscribed;

        /**
         * Returns a future that completes at the end of the text, exceptionally if generation
         * failed.
         */
        @Override
        public synchronized CompletableFuture<Void> subscribe(Consumer<byte[]> subscriber) {
            subscribed = true;
            var unused = super.subscribe(subscriber).thenAccept(end::complete);
            if (end.isCompletedExceptionally()) {
                appendContent(new byte[0], true);
            }
            return end;
        }

        /**
         * Ends the text early: the future completes exceptionally, and the subscriber gets the end
         * mark.
         */
        synchronized void fail(Throwable cause) {
            end.completeExceptionally(cause);
            if (subscribed) {
                try {
                    appendContent(new byte[0], true);
                } catch (RuntimeException e) { // it may be the subscriber that has failed
                    cause.addSuppressed(e);
                }
            }
        }
    }
}
