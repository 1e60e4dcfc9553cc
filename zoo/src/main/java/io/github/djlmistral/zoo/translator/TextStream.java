/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.ndarray.NDList;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationResult;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Streamed text generation, returned by {@code predictor.streamingPredict(..)}: an iterator over
 * pieces of text, generated on demand, that never split a character. Its memory is freed at the end
 * of the text, on an exception, by {@link #close}, and when the predictor is closed.
 *
 * <pre>{@code
 * try (TextStream<String> pieces = TextStream.of(predictor.streamingPredict("What is a fox?"))) {
 *     pieces.forEachRemaining(System.out::print);
 * }
 * }</pre>
 *
 * @param <O> the predictor's output, which {@link #getIterativeOutput} gives at the end of the text
 */
public final class TextStream<O> extends StreamOutput<O>
        implements Iterator<String>, AutoCloseable {

    private final TextPieces pieces;
    private final Stream<NDList> context;
    private final Function<GeneratedText, O> output;
    private final StringBuilder text = new StringBuilder();

    // not synchronized: before Java 24, a virtual thread that blocks on a monitor pins its carrier
    private final ReentrantLock lock = new ReentrantLock();

    private @Nullable String piece;
    private boolean ended;
    private boolean abandoned;

    /**
     * Set before the generation is cancelled, so that the cancellation is not mistaken for the end
     * of the text.
     */
    private volatile boolean abandoning;

    TextStream(TextPieces pieces, Stream<NDList> context, Function<GeneratedText, O> output) {
        this.pieces = pieces;
        this.context = context;
        this.output = output;
    }

    /**
     * Casts DJL's type to this one.
     *
     * @param stream returned by {@code streamingPredict} of a predictor of this zoo
     * @param <O> the predictor's output
     * @return the same object
     * @throws IllegalArgumentException if it came from another translator
     */
    public static <O> TextStream<O> of(StreamOutput<O> stream) {
        if (stream instanceof TextStream<O> pieces) {
            return pieces;
        }
        throw new IllegalArgumentException(
                "not a stream of text: it is a " + stream.getClass().getName());
    }

    /**
     * Generates until there is a piece or the text has ended.
     *
     * @throws IllegalStateException if the predictor or the model was closed before the end
     */
    @Override
    public boolean hasNext() {
        lock.lock();
        try {
            while (piece == null && !ended) {
                advance();
            }
            if (abandoned) {
                throw new IllegalStateException(
                        "the predictor or the model of this stream was closed before its end: keep"
                                + " both open while it is read, or close the stream first");
            }
            return piece != null;
        } finally {
            lock.unlock();
        }
    }

    private void advance() {
        String next;
        try {
            next = pieces.next();
            if (pieces.hasEnded()) {
                abandoned = abandoning && finished().finishReason() == FinishReason.CANCELLED;
                close();
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        if (!next.isEmpty()) {
            text.append(next);
            piece = next;
        }
    }

    @Override
    public String next() {
        lock.lock();
        try {
            if (!hasNext() || piece == null) {
                throw new NoSuchElementException("the text has ended");
            }
            String next = piece;
            piece = null;
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** Cancels the generation at its next token, from any thread. */
    public void cancel() {
        pieces.cancel();
    }

    /**
     * Generates the rest of the text and returns the whole output.
     *
     * @return what {@code predict} would have returned
     */
    @Override
    public O getIterativeOutputInternal() {
        forEachRemaining(ignored -> {});
        return output.apply(finished());
    }

    private GeneratedText finished() {
        GenerationResult result = pieces.result();
        return new GeneratedText(
                text.toString(), pieces.toolCalls(), result.sequences().get(0), result);
    }

    @Override
    protected O buildAsyncOutput() {
        throw new UnsupportedOperationException(
                "the output of this type is not asynchronous: iterate over the stream");
    }

    @Override
    protected void computeAsyncOutputInternal(O unused) {
        buildAsyncOutput();
    }

    /** Called when the predictor or the model is closed; waits for the current token. */
    void abandon() {
        abandoning = true;
        pieces.cancel();
        lock.lock();
        try {
            abandoned |= !ended;
            close();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (!ended) {
                ended = true;
                try {
                    pieces.close();
                } finally {
                    context.close();
                }
            }
        } finally {
            lock.unlock();
        }
    }
}
