/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * The answer to an accepted request, computed while it is read: as a whole by {@link #body}, or, if
 * the request asks for a stream, event by event by {@link #next}. Must be closed. {@link #cancel}
 * and {@link #close} may come from any thread and be repeated; the other methods are for one thread
 * at a time.
 */
public final class ApiAnswer implements AutoCloseable {

    private final Generation generation;
    private final List<Choice> choices;
    private final AnswerFormat format;
    private final int promptTokens;
    private final boolean stream;

    private final Queue<ServerSentEvent> events = new ArrayDeque<>();
    private boolean begun;
    private boolean ended;

    ApiAnswer(
            Generation generation,
            List<Choice> choices,
            AnswerFormat format,
            int promptTokens,
            boolean stream) {
        this.generation = generation;
        this.choices = choices;
        this.format = format;
        this.promptTokens = promptTokens;
        this.stream = stream;
    }

    /** Returns whether the request asks for a stream of events. */
    public boolean isStream() {
        return stream;
    }

    /**
     * Generates the whole answer.
     *
     * @return a JSON object
     * @throws CancellationException if it was cancelled
     * @throws ApiException if the model failed
     * @throws IllegalStateException if the request asks for a stream
     */
    public String body() {
        if (stream) {
            throw new IllegalStateException("the request asks for a stream: read its events");
        }
        GenerationResult result = call(() -> generation.run(token -> true));
        for (Choice choice : choices) {
            Sequence sequence = result.sequences().get(choice.index());
            FinishReason reason = completed(sequence);
            float[] logProbabilities = sequence.logProbabilities();
            var top = sequence.topLogProbabilities();
            for (int i = 0; i < sequence.generatedLength(); ++i) {
                boolean last = i == sequence.generatedLength() - 1;
                choice.push(
                        new Token(
                                choice.index(),
                                sequence.id(sequence.promptLength() + i),
                                logProbabilities[i],
                                last ? reason : null,
                                top.get(i)));
            }
            if (choice.finishReason() == null) {
                choice.finish(reason); // max_time, before the first token
            }
        }
        return Json.text(format.whole(choices, usage(result)));
    }

    /**
     * Generates the next event of the stream.
     *
     * @return the event; null after the last one
     * @throws CancellationException if it was cancelled before its end
     * @throws ApiException if the model failed
     * @throws IllegalStateException if the request asks for no stream
     */
    public @Nullable ServerSentEvent next() {
        if (!stream) {
            throw new IllegalStateException("the request asks for no stream: read its body");
        }
        if (!begun) {
            begun = true;
            events.addAll(format.begin());
        }
        while (events.isEmpty() && !ended) {
            advance();
        }
        return events.poll();
    }

    private void advance() {
        List<Token> tokens = call(generation::next);
        for (Token token : tokens) {
            Choice choice = choices.get(token.batchIndex());
            if (choice.finishReason() == null) {
                add(choice, choice.push(token));
            }
        }
        if (tokens.isEmpty()) {
            GenerationResult result = generation.result();
            for (Choice choice : choices) {
                FinishReason reason = completed(result.sequences().get(choice.index()));
                if (choice.finishReason() == null) {
                    add(choice, choice.finish(reason));
                }
            }
            events.addAll(format.end(choices, usage(result)));
            ended = true;
        }
    }

    private void add(Choice choice, Delta delta) {
        if (!delta.isEmpty()) {
            events.addAll(format.next(choice, delta));
        }
    }

    private interface Step<T> {
        T run();
    }

    private static <T> T call(Step<T> step) {
        try {
            return step.run();
        } catch (CancellationException e) {
            throw e;
        } catch (RuntimeException e) {
            throw ApiException.of(e);
        }
    }

    private static FinishReason completed(Sequence sequence) {
        FinishReason reason = Objects.requireNonNull(sequence.finishReason());
        if (reason == FinishReason.CANCELLED) {
            throw new CancellationException("the answer was cancelled");
        }
        return reason;
    }

    private Usage usage(GenerationResult result) {
        return new Usage(
                promptTokens,
                result.cachedTokens(),
                result.sequences().stream().mapToInt(Sequence::generatedLength).sum());
    }

    /**
     * Returns the event that tells the client of a failure, after which its stream ends.
     *
     * @param failure what {@link #next} has thrown
     * @return the event
     */
    public ServerSentEvent failure(ApiException failure) {
        return format.failure(failure);
    }

    /** Returns the tokens and timings so far. */
    public GenerationResult result() {
        return generation.result();
    }

    /** Cancels the answer at its next token. */
    public void cancel() {
        generation.cancel();
    }

    /** Ends the generation, after the forward pass under way if any. */
    @Override
    public void close() {
        generation.close();
    }
}
