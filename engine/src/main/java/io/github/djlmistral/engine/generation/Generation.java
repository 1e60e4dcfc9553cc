/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A running generation of a batch: owns the KV cache and computes the next tokens on each call of
 * {@link #next}. Must be closed.
 *
 * <p>Prompts of different lengths are padded on the left. Example, prompts {@code a b c} and {@code
 * d}: input ids {@code [a b c] [0 0 d]}, attention mask {@code [1 1 1] [0 0 1]}, position ids
 * {@code [0 1 2] [0 0 0]}. The next token of both is in column 3; its position is 3 in the first
 * sequence and 1 in the second.
 *
 * <p>Thread-safe: calls of {@link #next} take turns; {@link #cancel} and {@link #close} may come
 * from any thread, and closing waits for the forward pass under way.
 */
public final class Generation implements AutoCloseable {

    private final MistralForCausalLM network;
    private final GenerationConfig config;
    private final OwnedManager owned;
    private final NDManager manager;
    private final ParameterStore parameters;
    private final List<KvCache> caches = new ArrayList<>();
    private final List<LogitsProcessor> processors;
    private final @Nullable StopStringCriteria stopStrings;
    private final RequestLimits.Admission admission;
    private final List<Sequence> sequences = new ArrayList<>();
    private final List<Sampler> samplers = new ArrayList<>();
    private final int width;
    private final int limit;
    private final boolean padded;

    /** Padding tokens at the beginning of each sequence. */
    private final int[] padding;

    private final long pad;
    private final long started = System.nanoTime();
    private long firstToken;
    private long lastToken;
    private int decoded;

    /** Logits of a step whose tokens could not be selected; the next call tries again. */
    private float @Nullable [][] pending;

    private volatile boolean cancelled;
    private volatile boolean closed;
    private final ReentrantLock lock = new ReentrantLock();

    Generation(
            MistralForCausalLM network,
            NDManager parent,
            List<long[]> prompts,
            GenerationConfig config,
            List<LogitsProcessor> processors,
            @Nullable StopStringCriteria stopStrings,
            RequestLimits.Admission admission) {
        this.admission = admission;
        this.network = network;
        this.config = config;
        this.processors = processors;
        this.stopStrings = stopStrings;
        for (long[] prompt : prompts) {
            samplers.add(Sampler.of(config, sequences.size()));
            sequences.add(new Sequence(prompt));
        }
        width = sequences.stream().mapToInt(Sequence::length).max().orElseThrow();
        padding = sequences.stream().mapToInt(sequence -> width - sequence.length()).toArray();
        padded = sequences.stream().anyMatch(sequence -> sequence.length() < width);
        int positions = network.config().maxPositionEmbeddings();
        limit = Math.min(config.maxNewTokens(), positions - width);
        List<Integer> eos = config.eosTokenIds();
        int wanted =
                config.padTokenId() != null ? config.padTokenId() : eos.isEmpty() ? 0 : eos.get(0);
        // masked, so any id will do; old checkpoints have -1 for "none"
        pad = wanted >= 0 && wanted < network.config().vocabSize() ? wanted : 0;
        owned = new OwnedManager(parent, "generation");
        manager = owned.manager();
        parameters = new ParameterStore(manager, false);
        try {
            for (int i = 0; i < sequences.size(); ++i) {
                caches.add(network.newCache(manager));
            }
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
     * @throws CancellationException if the thread is interrupted; checked before each token and
     *     each chunk of the prefill, and the interrupt flag stays set
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

    /** Unlocks, and frees the memory if {@link #close} was called during the forward pass. */
    private void release() {
        try {
            if (closed && lock.getHoldCount() == 1) {
                try {
                    owned.close();
                } finally {
                    admission.close();
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
        if (cancelled) {
            cancelSequences();
        }
        if (sequences.stream().allMatch(sequence -> sequence.finishReason() != null)) {
            return List.of();
        }
        requireNotInterrupted();
        float[][] logits = pending;
        if (logits == null) {
            logits = caches.get(0).length() < width ? prefill() : step();
        }
        requireOpen();
        if (cancelled) {
            return advance();
        }
        pending = logits;
        // all are selected before any is appended, so that a failure leaves the sequences unchanged
        int[] selected = new int[sequences.size()];
        for (int i = 0; i < selected.length; ++i) {
            if (sequences.get(i).finishReason() == null) {
                selected[i] = select(i, logits[i]);
            }
        }
        pending = null;
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < selected.length; ++i) {
            if (sequences.get(i).finishReason() == null) {
                tokens.add(append(i, selected[i], logits[i]));
            }
        }
        lastToken = System.nanoTime();
        if (firstToken == 0) {
            firstToken = lastToken;
        } else {
            decoded += tokens.size();
        }
        return tokens;
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException(
                    "the thread was interrupted after "
                            + sequences.stream().mapToInt(Sequence::generatedLength).max().orElse(0)
                            + " generated tokens: the generation ends, the interrupt flag stays"
                            + " set");
        }
    }

    private void cancelSequences() {
        for (Sequence sequence : sequences) {
            if (sequence.finishReason() == null) {
                sequence.finish(FinishReason.CANCELLED);
            }
        }
    }

    /** Finishes all sequences at the next token with {@link FinishReason#CANCELLED}. */
    public void cancel() {
        cancelled = true;
    }

    /**
     * Returns the sequences and timings so far.
     *
     * @return the result; unfinished sequences have no finish reason
     */
    public GenerationResult result() {
        long first = firstToken == 0 ? System.nanoTime() : firstToken;
        return new GenerationResult(
                List.copyOf(sequences),
                Duration.ofNanos(first - started),
                Duration.ofNanos(Math.max(0, lastToken - first)),
                decoded);
    }

    private int select(int index, float[] logits) {
        Sequence sequence = sequences.get(index);
        requireFinite(
                logits,
                sequence,
                "the network's logits",
                "the weights may be damaged, or float16 may have overflowed: load the model with"
                        + " dtype float32 to tell");
        float[] scores = logits;
        if (!processors.isEmpty()) {
            scores = logits.clone();
            for (LogitsProcessor processor : processors) {
                processor.process(scores, sequence);
            }
            requireFinite(
                    scores,
                    sequence,
                    "the scores after the logits processors",
                    "at least one token must be allowed; check min_new_tokens, eos_token_id and"
                            + " your own processors");
        }
        return samplers.get(index).select(scores);
    }

    /** Checks that the maximum is finite: otherwise there is no token to select. */
    private static void requireFinite(
            float[] scores, Sequence sequence, String what, String remedy) {
        float max = Sampler.max(scores);
        if (!Float.isFinite(max)) {
            throw new IllegalStateException(
                    what
                            + " for token "
                            + sequence.length()
                            + " "
                            + (max == Float.NEGATIVE_INFINITY
                                    ? "are all -Infinity"
                                    : "contain " + max)
                            + ": "
                            + remedy);
        }
    }

    private Token append(int index, int id, float[] logits) {
        Sequence sequence = sequences.get(index);
        float logProbability = Sampler.logProbability(logits, id);
        sequence.append(id, logProbability);
        FinishReason finish = null;
        if (config.eosTokenIds().contains(id)) {
            finish = FinishReason.EOS;
        } else if (stopStrings != null && stopStrings.isAtEnd(sequence)) {
            finish = FinishReason.STOP;
        } else if (sequence.generatedLength() == limit) {
            finish = FinishReason.LENGTH;
        }
        if (finish != null) {
            sequence.finish(finish);
        }
        return new Token(index, id, logProbability, finish);
    }

    /** Prefills the cache in chunks, continuing after an earlier failure. */
    private float[][] prefill() {
        float[][] logits = new float[0][];
        while (caches.get(0).length() < width && !cancelled && !closed) {
            requireNotInterrupted();
            int from = caches.get(0).length();
            logits = forward(from, from + Math.min(width - from, config.prefillChunkSize()));
        }
        return logits;
    }

    private float[][] step() {
        return forward(caches.get(0).length(), caches.get(0).length() + 1);
    }

    /** Runs the columns {@code from} to {@code to} and returns the logits of the last one. */
    private float[][] forward(int from, int to) {
        int batch = sequences.size();
        int tokens = to - from;
        long[] ids = new long[batch * tokens];
        long[] positions = new long[batch * tokens];
        for (int b = 0; b < batch; ++b) {
            Sequence sequence = sequences.get(b);
            for (int column = from; column < to; ++column) {
                int index = column - padding[b];
                int at = b * tokens + column - from;
                // finished sequences are padded until the whole batch is finished
                ids[at] = index < 0 || index >= sequence.length() ? pad : sequence.id(index);
                positions[at] = Math.max(0, index);
            }
        }
        try (NDManager step = manager.newSubManager()) {
            ForwardInput input =
                    ForwardInput.ofIds(step.create(ids, new Shape(batch, tokens)))
                            .caches(caches)
                            .logitsToKeep(1);
            if (padded) {
                input.positionIds(step.create(positions, new Shape(batch, tokens)))
                        .leftPadding(padding);
            }
            ForwardOutput output = network.forward(parameters, input, false);
            float[] flat = output.logits().toFloatArray();
            int vocabulary = flat.length / batch;
            float[][] logits = new float[batch][];
            Arrays.setAll(
                    logits, b -> Arrays.copyOfRange(flat, b * vocabulary, (b + 1) * vocabulary));
            return logits;
        }
    }

    /** Finishes the sequences and frees the memory, after the forward pass under way if any. */
    @Override
    public void close() {
        closed = true;
        lock.lock();
        try {
            cancelSequences();
        } finally {
            release();
        }
    }
}
