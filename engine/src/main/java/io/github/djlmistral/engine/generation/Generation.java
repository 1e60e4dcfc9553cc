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
 * One generation under way: it owns the cache and gives tokens as they are asked for. Closing it
 * frees everything, at any time.
 *
 * <p>Prompts of different lengths are padded on the left. Example, prompts {@code a b c} and {@code
 * d}: ids {@code [a b c] [0 0 d]}, mask {@code [1 1 1] [0 0 1]}, positions {@code [0 1 2] [0 0 0]}.
 * The next token of both goes to slot 3; its position is 3 in the first row and 1 in the second.
 *
 * <p>Threads that use it take turns. {@link #cancel} and {@link #close} may come from any thread;
 * closing waits for the step under way, not for the whole text.
 */
public final class Generation implements AutoCloseable {

    private final MistralForCausalLM network;
    private final GenerationConfig config;
    private final OwnedManager owned;
    private final NDManager manager;
    private final ParameterStore parameters;
    private final KvCache cache;
    private final List<LogitsProcessor> processors;
    private final @Nullable StopStrings stopStrings;
    private final RequestLimits.Admission admission;
    private final List<Row> rows = new ArrayList<>();
    private final List<Sampler> samplers = new ArrayList<>();
    private final int width;
    private final int limit;
    private final boolean padded;

    /** How many tokens of padding each row begins with. */
    private final int[] padding;

    private final long pad;
    private final long started = System.nanoTime();
    private long firstToken;
    private long lastToken;
    private int decoded;

    /**
     * Logits that no tokens were chosen from yet: what {@link #next} starts with after a failure.
     */
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
            @Nullable StopStrings stopStrings,
            RequestLimits.Admission admission) {
        this.admission = admission;
        this.network = network;
        this.config = config;
        this.processors = processors;
        this.stopStrings = stopStrings;
        for (long[] prompt : prompts) {
            samplers.add(Sampler.of(config, rows.size()));
            rows.add(new Row(prompt));
        }
        width = rows.stream().mapToInt(Row::length).max().orElseThrow();
        padding = rows.stream().mapToInt(row -> width - row.length()).toArray();
        padded = rows.stream().anyMatch(row -> row.length() < width);
        int positions = network.config().maxPositionEmbeddings();
        limit = Math.min(config.maxNewTokens(), positions - width);
        List<Integer> eos = config.eosTokenIds();
        int wanted =
                config.padTokenId() != null ? config.padTokenId() : eos.isEmpty() ? 0 : eos.get(0);
        // nothing sees it; old checkpoints say -1 for "none"
        pad = wanted >= 0 && wanted < network.config().vocabSize() ? wanted : 0;
        owned = new OwnedManager(parent, "generation");
        manager = owned.manager();
        parameters = new ParameterStore(manager, false);
        try {
            // the last token is chosen but never computed with
            cache = network.newCache(manager, rows.size(), width + limit - 1);
            owned.closeWithParent(this);
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    /**
     * Computes the next token of every row that goes on. After an exception the generation can be
     * closed, or {@code next} called again, which repeats what failed.
     *
     * @return the tokens, by row; empty when all rows have ended
     * @throws CancellationException if the thread is interrupted, between two tokens or between two
     *     chunks of a prompt; its interrupt flag stays set
     * @throws IllegalStateException if the generation or the network is closed; if the network's
     *     logits are NaN or infinite; or if the logits processors leave no token
     */
    public List<Token> next() {
        lock.lock();
        try {
            return advance();
        } finally {
            release();
        }
    }

    /** Frees what {@link #close} could not, since a step was under way. */
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
            endRows();
        }
        if (rows.stream().allMatch(row -> row.finish() != null)) {
            return List.of();
        }
        requireNotInterrupted();
        float[][] logits = pending;
        if (logits == null) {
            logits = cache.length() < width ? prefill() : step();
        }
        requireOpen();
        if (cancelled) {
            return advance();
        }
        pending = logits;
        // all are chosen before any is added, so that a failure leaves the rows as they were
        int[] chosen = new int[rows.size()];
        for (int i = 0; i < chosen.length; ++i) {
            if (rows.get(i).finish() == null) {
                chosen[i] = choose(i, logits[i]);
            }
        }
        pending = null;
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < chosen.length; ++i) {
            if (rows.get(i).finish() == null) {
                tokens.add(add(i, chosen[i], logits[i]));
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
                            + rows.stream().mapToInt(Row::generatedLength).max().orElse(0)
                            + " generated tokens: the generation ends, the interrupt flag stays"
                            + " set");
        }
    }

    private void endRows() {
        for (Row row : rows) {
            if (row.finish() == null) {
                row.end(FinishReason.CANCELLED);
            }
        }
    }

    /** Ends the generation at the next token, from any thread. */
    public void cancel() {
        cancelled = true;
    }

    /**
     * Returns what there is so far. Rows that go on are reported as cancelled only after {@link
     * #cancel}.
     *
     * @return rows and times
     */
    public GenerationResult result() {
        long first = firstToken == 0 ? System.nanoTime() : firstToken;
        return new GenerationResult(
                List.copyOf(rows),
                Duration.ofNanos(first - started),
                Duration.ofNanos(Math.max(0, lastToken - first)),
                decoded);
    }

    private int choose(int index, float[] logits) {
        Row row = rows.get(index);
        requireFinite(
                logits,
                row,
                "the network's logits",
                "the weights may be damaged, or float16 may have overflowed: load the model with"
                        + " dtype float32 to tell");
        float[] scores = logits;
        if (!processors.isEmpty()) {
            scores = logits.clone();
            for (LogitsProcessor processor : processors) {
                processor.process(scores, row);
            }
            requireFinite(
                    scores,
                    row,
                    "the scores after the logits processors",
                    "at least one token must be allowed; check min_new_tokens, eos_token_id and"
                            + " your own processors");
        }
        return samplers.get(index).choose(scores);
    }

    /** Checks that the highest score is a number: else every token, or none, would be chosen. */
    private static void requireFinite(float[] scores, Row row, String what, String remedy) {
        float highest = Sampler.max(scores);
        if (!Float.isFinite(highest)) {
            throw new IllegalStateException(
                    what
                            + " for token "
                            + row.length()
                            + " "
                            + (highest == Float.NEGATIVE_INFINITY
                                    ? "are all -Infinity"
                                    : "contain " + highest)
                            + ": "
                            + remedy);
        }
    }

    private Token add(int index, int id, float[] logits) {
        Row row = rows.get(index);
        float logProbability = Sampler.logProbability(logits, id);
        row.add(id, logProbability);
        FinishReason finish = null;
        if (config.eosTokenIds().contains(id)) {
            finish = FinishReason.EOS;
        } else if (stopStrings != null && stopStrings.isAtEnd(row)) {
            finish = FinishReason.STOP;
        } else if (row.generatedLength() == limit) {
            finish = FinishReason.LENGTH;
        }
        if (finish != null) {
            row.end(finish);
        }
        return new Token(index, id, logProbability, finish);
    }

    /** Computes the prompts, a chunk of tokens at a time, from where an earlier try has failed. */
    private float[][] prefill() {
        float[][] logits = new float[0][];
        while (cache.length() < width && !cancelled && !closed) {
            requireNotInterrupted();
            int from = cache.length();
            logits = forward(from, from + Math.min(width - from, config.prefillChunkSize()));
        }
        return logits;
    }

    private float[][] step() {
        return forward(cache.length(), cache.length() + 1);
    }

    /** Runs the columns from {@code from} to {@code to} and returns the logits of the last one. */
    private float[][] forward(int from, int to) {
        int batch = rows.size();
        int tokens = to - from;
        long[] ids = new long[batch * tokens];
        long[] positions = new long[batch * tokens];
        for (int b = 0; b < batch; ++b) {
            Row row = rows.get(b);
            for (int column = from; column < to; ++column) {
                int index = column - padding[b];
                int at = b * tokens + column - from;
                // a row that has ended goes on with padding, for the others' sake
                ids[at] = index < 0 || index >= row.length() ? pad : row.id(index);
                positions[at] = Math.max(0, index);
            }
        }
        try (NDManager step = manager.newSubManager()) {
            ForwardInput input =
                    ForwardInput.ofIds(step.create(ids, new Shape(batch, tokens)))
                            .cache(cache)
                            .logitsToKeep(1);
            if (padded) {
                input.positionIds(step.create(positions, new Shape(batch, tokens)))
                        .leftPadding(padding);
            }
            ForwardOutput output = network.forward(parameters, input, false);
            float[] flat = output.output().toFloatArray();
            int vocabulary = flat.length / batch;
            float[][] logits = new float[batch][];
            Arrays.setAll(
                    logits, b -> Arrays.copyOfRange(flat, b * vocabulary, (b + 1) * vocabulary));
            return logits;
        }
    }

    /** Frees everything, at the end of the step under way if there is one. */
    @Override
    public void close() {
        closed = true;
        lock.lock();
        try {
            endRows();
        } finally {
            release();
        }
    }
}
