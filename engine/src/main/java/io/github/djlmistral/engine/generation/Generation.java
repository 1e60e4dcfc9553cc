/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.generation.Deadline;
import io.github.djlmistral.engine.internal.generation.Scheduler;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A running generation of a batch, which computes the next tokens on each call of {@link #next}.
 * Must be closed.
 *
 * <p>A forward pass takes the new tokens of all sequences, one sequence after the other: prompts of
 * different lengths need no padding, and a finished sequence is no longer computed. Example,
 * prompts {@code a b c d e} and {@code x}, {@code prefill_chunk_size} 4: the passes compute {@code
 * a b c d}, then {@code e x}, which gives both sequences their first token, then one token of each.
 *
 * <p>Generations that run at the same time are computed together, see {@link Batching}.
 *
 * <p>Thread-safe: calls of {@link #next} take turns; {@link #cancel} and {@link #close} may come
 * from any thread, and closing waits for the forward pass under way.
 */
public final class Generation implements AutoCloseable {

    private final MistralForCausalLM network;
    private final List<Decoding> decodings;
    private final CountedCaches caches;
    private final int prefillChunkSize;
    private final RequestLimits.Admission admission;

    /** Computes the passes together with those of other generations; null without batching. */
    private final Scheduler.@Nullable Request request;

    private final OwnedManager owned;

    /** The decodings whose tokens the current call of {@link #next} waits for. */
    private final Deque<Decoding> round = new ArrayDeque<>();

    /** Logits of the last pass that were not accepted yet; after a failure they are tried again. */
    private final Queue<Logits> pending = new ArrayDeque<>();

    /** Tokens that the current call of {@link #next} is going to return. */
    private final List<Token> tokens = new ArrayList<>();

    private final long started = System.nanoTime();
    private long firstToken;
    private long lastToken;
    private int firstTokens;

    private volatile boolean cancelled;
    private volatile boolean closed;
    private final ReentrantLock lock = new ReentrantLock();

    /** The logits of a decoding in a pass. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Logits(Decoding decoding, float[][] rows) {}

    /**
     * Starts a generation.
     *
     * @param network the network
     * @param parent the manager that closes the generation with itself
     * @param decodings one for each prompt; the generation closes them
     * @param prefillChunkSize the maximum number of prompt tokens in a pass
     * @param admission closed at the end
     * @param scheduler computes the passes of concurrent generations; null if they are computed one
     *     by one
     * @param cacheBytes the memory of the KV caches at their longest
     * @param deadline until when the generation may wait for others
     * @throws IllegalArgumentException if the scheduler has less memory than that
     */
    Generation(
            MistralForCausalLM network,
            NDManager parent,
            List<Decoding> decodings,
            CountedCaches caches,
            int prefillChunkSize,
            RequestLimits.Admission admission,
            @Nullable Scheduler scheduler,
            long cacheBytes,
            Deadline deadline) {
        this.network = network;
        this.decodings = decodings;
        this.caches = caches;
        this.prefillChunkSize = prefillChunkSize;
        this.admission = admission;
        request =
                scheduler == null
                        ? null
                        : scheduler.open(
                                this::pass, cacheBytes, () -> cancelled || closed, deadline);
        owned = new OwnedManager(parent, "generation");
        try {
            owned.closeWithParent(this);
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    /**
     * Computes the next token of every unfinished sequence: the prefill on the first call, one
     * decode step on the others. After an exception the call may be repeated.
     *
     * @return the tokens in the order of their sequences; empty when all sequences are finished
     * @throws CancellationException if the thread is interrupted; checked before each forward pass,
     *     and the interrupt flag stays set
     * @throws IllegalStateException if the generation or the network is closed; if logits are NaN
     *     or infinite; or if the logits processors forbid every token
     */
    public List<Token> next() {
        lock.lock();
        try {
            return advance();
        } finally {
            release();
        }
    }

    /**
     * Generates until all sequences are finished.
     *
     * @param onToken called with each token; the generation is cancelled when it returns false
     * @return the sequences and timings
     * @throws RuntimeException as {@link #next} does
     */
    public GenerationResult run(Predicate<Token> onToken) {
        List<Token> next = next();
        while (!next.isEmpty()) {
            for (Token token : next) {
                if (!onToken.test(token)) {
                    cancel();
                }
            }
            next = next();
        }
        return result();
    }

    /** Unlocks, and frees the memory if {@link #close} was called during the forward pass. */
    private void release() {
        try {
            if (closed && lock.getHoldCount() == 1) {
                try {
                    decodings.forEach(Decoding::close);
                } finally {
                    try {
                        owned.close();
                    } finally {
                        admission.close();
                        if (request != null) {
                            request.close();
                        }
                    }
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this generation is closed: start another one");
        }
    }

    private List<Token> advance() {
        requireOpen();
        if (round.isEmpty()) {
            round.addAll(decodings);
        }
        while (!round.isEmpty() && !cancelled) {
            if (pending.isEmpty()) {
                compute();
                requireOpen();
            }
            if (!pending.isEmpty() && !cancelled) {
                accept();
            }
        }
        if (cancelled) {
            finishDecodings(FinishReason.CANCELLED);
        }
        tokens.sort(Comparator.comparingInt(Token::batchIndex));
        List<Token> result = List.copyOf(tokens);
        tokens.clear();
        return result;
    }

    /** Runs one pass for the decodings of the round; removes those that are finished from it. */
    private void compute() {
        List<Decoding> members = new ArrayList<>();
        List<List<Chunk>> parts = new ArrayList<>();
        int budget = request == null ? prefillChunkSize : request.budget(prefillChunkSize);
        for (Decoding decoding : List.copyOf(round)) {
            if (budget < 1) {
                break;
            }
            List<Chunk> chunks = decoding.next(budget);
            if (chunks.isEmpty()) {
                round.remove(decoding);
            } else {
                members.add(decoding);
                parts.add(chunks);
                budget -= promptTokens(chunks);
            }
        }
        if (members.isEmpty()) {
            return;
        }
        requireNotInterrupted();
        List<Chunk> chunks = parts.stream().flatMap(List::stream).toList();
        float[][] logits = request == null ? pass(chunks) : request.forward(chunks);
        if (logits == null) {
            requireNotInterrupted();
            if (!cancelled && !closed) {
                finishDecodings(FinishReason.LENGTH); // max_time
            }
            return;
        }
        int from = 0;
        for (int i = 0; i < members.size(); ++i) {
            int to = from + rows(parts.get(i));
            pending.add(new Logits(members.get(i), Arrays.copyOfRange(logits, from, to)));
            from = to;
        }
    }

    /** Runs a pass; returns the requested rows of V logits. */
    private float[][] pass(List<Chunk> chunks) {
        try (NDManager step = owned.manager().newSubManager()) {
            NDArray logits = network.forward(step, chunks);
            float[] flat = logits == null ? new float[0] : logits.toFloatArray();
            int vocabulary = network.config().vocabSize();
            float[][] rows = new float[flat.length / vocabulary][];
            Arrays.setAll(
                    rows,
                    row -> Arrays.copyOfRange(flat, row * vocabulary, (row + 1) * vocabulary));
            return rows;
        }
    }

    private static int rows(List<Chunk> chunks) {
        return chunks.stream().mapToInt(Chunk::logits).sum();
    }

    /** Returns the tokens of the chunks that are not single tokens of decoding sequences. */
    private static int promptTokens(List<Chunk> chunks) {
        return chunks.stream()
                .mapToInt(chunk -> chunk.ids().length)
                .filter(length -> length > 1)
                .sum();
    }

    private void accept() {
        while (!pending.isEmpty()) {
            Logits next = pending.element();
            List<Token> accepted = next.decoding.accept(next.rows);
            pending.poll(); // empty if a logits processor has closed the generation
            if (!accepted.isEmpty()) {
                tokens.addAll(accepted);
                round.remove(next.decoding);
            }
        }
        if (request != null && sequences().allMatch(row -> row.finishReason() != null)) {
            request.finish();
        }
        lastToken = System.nanoTime();
        if (firstToken == 0 && sequences().allMatch(Generation::begun)) {
            firstToken = lastToken;
            firstTokens = generated();
        }
    }

    private static boolean begun(Sequence sequence) {
        return sequence.generatedLength() > 0 || sequence.finishReason() != null;
    }

    private Stream<Sequence> sequences() {
        return decodings.stream().flatMap(decoding -> decoding.sequences().stream());
    }

    private int generated() {
        return sequences().mapToInt(Sequence::generatedLength).sum();
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException(
                    "the thread was interrupted after "
                            + sequences().mapToInt(Sequence::generatedLength).max().orElse(0)
                            + " generated tokens: the generation ends, the interrupt flag stays"
                            + " set");
        }
    }

    private void finishDecodings(FinishReason reason) {
        pending.clear();
        round.clear();
        decodings.forEach(decoding -> decoding.finish(reason));
    }

    /** Finishes all sequences at the next token with {@link FinishReason#CANCELLED}. */
    public void cancel() {
        cancelled = true;
        wake();
    }

    /** Ends the wait for a pass that other generations are computed in. */
    private void wake() {
        if (request != null) {
            request.wake();
        }
    }

    /**
     * Sets the priority. Where a forward pass or the memory for KV caches has no room for all
     * generations, those of higher priority come first.
     *
     * @param priority any number; 0 by default
     */
    public void priority(int priority) {
        if (request != null) {
            request.priority(priority);
        }
    }

    /**
     * Returns the sequences and timings so far.
     *
     * @return the result; unfinished sequences have no finish reason
     */
    public GenerationResult result() {
        long first = firstToken == 0 ? System.nanoTime() : firstToken;
        return new GenerationResult(
                sequences().toList(),
                decodings.stream()
                        .mapToInt(decoding -> decoding.sequences().get(0).promptLength())
                        .sum(),
                caches.tokens(),
                Duration.ofNanos(first - started),
                Duration.ofNanos(Math.max(0, lastToken - first)),
                firstToken == 0 ? 0 : generated() - firstTokens,
                decodings.stream()
                        .map(Decoding::speculation)
                        .reduce(SpeculationMetrics.NONE, SpeculationMetrics::plus));
    }

    /** Finishes the sequences and frees the memory, after the forward pass under way if any. */
    @Override
    public void close() {
        closed = true;
        wake();
        lock.lock();
        try {
            finishDecodings(FinishReason.CANCELLED);
        } finally {
            release();
        }
    }
}
